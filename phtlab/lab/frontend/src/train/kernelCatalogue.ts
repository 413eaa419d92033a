/**
 * The kernel images of the consortium's catalogue, fetched once for each consortium.
 */
import { IKernel } from '../server/api';
import { INotebookServer, IServerState } from '../server/interfaces';

export class KernelCatalogue {
  constructor(private readonly _server: IServerState & INotebookServer) {}

  /** Those of the last answer; none before the first. */
  get kernels(): readonly IKernel[] {
    return this._kernels;
  }

  /**
   * Fetch them if they can be read now: again only for another consortium or after a lost
   * connection. Resolves to whether they were asked for.
   */
  async refresh(): Promise<boolean> {
    const { status, connected } = this._server;
    const central =
      connected && status?.reads && status.central.state === 'ok'
        ? status.central.url
        : null;
    if (central === this._central) {
      return false;
    }
    this._central = central;
    if (central === null) {
      return false;
    }
    try {
      this._kernels = await this._server.kernels();
    } catch {
      // The banners say what is wrong; the list stays as it was.
    }
    return true;
  }

  private _kernels: readonly IKernel[] = [];
  /** The address of the central that was asked last; null while it cannot be asked. */
  private _central: string | null = null;
}
