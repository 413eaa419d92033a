/**
 * Requests to the server extension.
 */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { IAnswers, IBodies } from './api';
import { ServerError, UNREACHABLE, UNREADABLE, errorOf } from './errors';
import { IDownload } from './interfaces';

/** A hub says to whoever wants no page that a server is starting, and sends others to a page. */
const ANSWERS = { Accept: 'application/json, */*;q=0.5' };

/** The paths of the requests by `Method` that are answered with JSON. */
type Path<
  Method extends string,
  Request = keyof IAnswers
> = Request extends `${Method} ${infer P}` ? P : never;
type GetPath = Path<'GET'>;
type PostPath = Path<'POST'>;

/** What stands for the `{…}` in a path. */
type Id<P> = P extends `${string}{${string}` ? [id: string] : [];

type Body<P extends PostPath> = `POST ${P}` extends keyof IBodies
  ? IBodies[`POST ${P}`]
  : Record<string, never>;

export class Requests {
  constructor(private readonly _settings: ServerConnection.ISettings) {}

  get<P extends GetPath>(path: P, ...id: Id<P>): Promise<IAnswers[`GET ${P}`]> {
    return this._json(withId(path, ...id), {});
  }

  post<P extends PostPath>(
    path: P,
    body: Body<P>,
    ...id: Id<P>
  ): Promise<IAnswers[`POST ${P}`]> {
    const init = { method: 'POST', body: JSON.stringify(body) };
    return this._json(withId(path, ...id), init);
  }

  /** A file; it is called `name` if the answer does not name it. */
  async download(path: string, name: string): Promise<IDownload> {
    const response = await this.fetch(path, {});
    const declared = /filename="([^"/\\]+)"/.exec(
      response.headers.get('Content-Disposition') ?? ''
    );
    return { name: declared?.[1] ?? name, content: await response.blob() };
  }

  /** The answer, if it is a good one. Throws ServerError. */
  async fetch(path: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(
        this._url(path),
        { ...init, headers: ANSWERS },
        this._settings
      );
    } catch {
      throw new ServerError(UNREACHABLE, 0);
    }
    if (!response.ok) {
      throw await errorOf(response);
    }
    return response;
  }

  /** The address of a stream: it has no headers of its own, so they are in its query. */
  streamUrl(path: string): string {
    const query = new URLSearchParams();
    if (this._settings.appendToken && this._settings.token) {
      query.set('token', this._settings.token);
    }
    const xsrf = /(?:^|; )_xsrf=([^;]+)/.exec(document.cookie);
    if (xsrf) {
      query.set('_xsrf', xsrf[1]);
    }
    return `${this._url(path)}?${query}`;
  }

  private async _json<T>(path: string, init: RequestInit): Promise<T> {
    const response = await this.fetch(path, init);
    try {
      return (await response.json()) as T;
    } catch {
      // A login page instead of an answer, or half an answer.
      throw new ServerError(UNREADABLE, response.status);
    }
  }

  private _url(path: string): string {
    return URLExt.join(this._settings.baseUrl, 'phtlab', path);
  }
}

function withId(path: string, id = ''): string {
  return path.replace(/\{\w+\}/, () => id);
}
