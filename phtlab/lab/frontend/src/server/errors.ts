/**
 * Why a request to the server extension failed.
 */
import { truncateMiddle } from '../text/untrusted';
import { IProblem } from './api';

/** The code of a refusal by Jupyter itself: the login is over. */
export const LOGGED_OUT = 'logged-out';

/** The longest message that is shown, in characters. */
const MESSAGE_LIMIT = 2000;

/** A refusal by the server extension; its message is for people. */
export class ServerError extends Error {
  constructor(
    problem: IProblem,
    readonly status: number
  ) {
    // One sentence after the other: what shows a problem shows its hint, too.
    const { hint, ...rest } = problem;
    const message = truncateMiddle(
      hint ? `${problem.message} ${hint}` : problem.message,
      MESSAGE_LIMIT
    );
    super(message);
    this.name = 'ServerError';
    this.problem = { ...rest, message };
  }

  readonly problem: IProblem;

  get code(): string {
    return this.problem.code;
  }
}

/** A page of a proxy or a login form, where an answer should be. */
export const UNREADABLE: IProblem = {
  code: 'server-answer',
  message:
    'The answer of your Jupyter server cannot be read; perhaps you have to log in again. Do so ' +
    'in another tab, then try again here.'
};

/** Nothing answers; status 0. */
export const UNREACHABLE: IProblem = {
  code: 'server-unreachable',
  message:
    'Your Jupyter server does not answer. Journeys go on without it; ' +
    'check the connection, or start the server again.'
};

/** What a hub answers for a server that is stopped or starting (424), and its proxy (502, 503). */
const STOPPED = [424, 502, 503];

/** What a refusal says, in its own words if it is one of ours. */
export async function errorOf(response: Response): Promise<ServerError> {
  const { status } = response;
  let content: any = null;
  try {
    content = await response.json();
  } catch {
    // What is no JSON is no answer of ours; the status tells.
  }
  if (
    typeof content?.code === 'string' &&
    typeof content.message === 'string'
  ) {
    const { code, message } = content;
    const hint = typeof content.hint === 'string' ? content.hint : '';
    const field = typeof content.field === 'string' ? content.field : null;
    return new ServerError({ code, message, hint, field }, status);
  }
  return new ServerError(problemOfStatus(status, response.statusText), status);
}

/** What a refusal of Jupyter's, of the hub's or of a proxy's means, by its status alone. */
function problemOfStatus(status: number, statusText: string): IProblem {
  if (status === 401 || status === 403) {
    return {
      code: LOGGED_OUT,
      message:
        'You are not logged in at your Jupyter server any more. Log in in another tab, then ' +
        'try again here: what is open stays.'
    };
  }
  if (STOPPED.includes(status)) {
    return {
      code: 'server-stopped',
      message:
        'Your Jupyter server is not running. Journeys go on without it; start the server ' +
        'again to see it.'
    };
  }
  return {
    code: `http-${status}`,
    message:
      `Your Jupyter server answered ${status} ${statusText}, without a reason. ` +
      'Try again; if it stays so, tell who runs it.'
  };
}
