/**
 * Parts of the extension that are fetched when they are first needed: then the server may be away.
 */
import { PhtProblem } from './errors';

/** What `part`, an `import()`, gives. Throws PhtProblem. */
export async function lazily<T>(part: Promise<T>): Promise<T> {
  try {
    return await part;
  } catch {
    throw new PhtProblem(
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
