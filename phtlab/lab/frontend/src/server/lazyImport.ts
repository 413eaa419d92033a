/**
 * Dynamic imports whose failure is reported as a ServerError: the server may be away by then.
 */
import { ServerError } from './errors';

/** What `part`, an `import()`, gives. Throws ServerError. */
export async function lazyImport<T>(part: Promise<T>): Promise<T> {
  try {
    return await part;
  } catch {
    throw new ServerError(
      {
        code: 'server-unreachable',
        message:
          'This part of the page is fetched when it is first needed, and your Jupyter server ' +
          'does not give it now: it does not answer, it was updated, or you have to log in again. ' +
          'Try again; if it stays so, save what is open and reload the page.'
      },
      0
    );
  }
}
