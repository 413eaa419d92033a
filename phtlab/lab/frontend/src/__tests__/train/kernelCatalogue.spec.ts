import { IKernel } from '../../server/api';
import { INotebookServer, IServerState } from '../../server/interfaces';
import { KernelCatalogue } from '../../train/kernelCatalogue';

const PYTHON = { name: 'python' } as IKernel;

/** The part of the server that the catalogue uses. */
function serverWith(kernels: jest.Mock) {
  return {
    connected: true,
    status: { reads: true, central: { state: 'ok', url: 'https://a' } },
    kernels
  };
}

function catalogueOf(server: ReturnType<typeof serverWith>): KernelCatalogue {
  return new KernelCatalogue(
    server as unknown as IServerState & INotebookServer
  );
}

describe('KernelCatalogue', () => {
  it('fetches the images once for each consortium', async () => {
    const kernels = jest.fn().mockResolvedValue([PYTHON]);
    const server = serverWith(kernels);
    const catalogue = catalogueOf(server);
    expect(await catalogue.refresh()).toBe(true);
    expect(await catalogue.refresh()).toBe(false);
    expect(catalogue.kernels).toEqual([PYTHON]);
    server.status.central.url = 'https://b';
    expect(await catalogue.refresh()).toBe(true);
    expect(kernels).toHaveBeenCalledTimes(2);
  });

  it('fetches them again after the connection was lost', async () => {
    const kernels = jest.fn().mockResolvedValue([PYTHON]);
    const server = serverWith(kernels);
    const catalogue = catalogueOf(server);
    await catalogue.refresh();
    server.connected = false;
    expect(await catalogue.refresh()).toBe(false);
    server.connected = true;
    expect(await catalogue.refresh()).toBe(true);
  });

  it('keeps the last images when a request fails', async () => {
    const kernels = jest.fn().mockResolvedValueOnce([PYTHON]);
    const server = serverWith(kernels);
    const catalogue = catalogueOf(server);
    await catalogue.refresh();
    server.status.central.url = 'https://b';
    kernels.mockRejectedValueOnce(new Error('503'));
    expect(await catalogue.refresh()).toBe(true);
    expect(catalogue.kernels).toEqual([PYTHON]);
  });
});
