/** The plugin phtlab:server: one stream that is reopened, and what is made of each answer. */
import { ServerConnection } from '@jupyterlab/services';

import { IJourney } from '../../server/api';
import { PhtServer } from '../../server/client';
import { ServerError } from '../../server/errors';

/** The browser's EventSource, in the hands of a test. */
class Stream extends EventTarget {
  static readonly CLOSED = 2;
  static opened: Stream[] = [];

  constructor(readonly url: string) {
    super();
    Stream.opened.push(this);
  }

  say(kind: string, data: unknown): void {
    this.dispatchEvent(new MessageEvent(kind, { data: JSON.stringify(data) }));
  }

  close(): void {
    this.readyState = Stream.CLOSED;
  }

  readyState = 1;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
}

function journey(id: string, submitted: string): IJourney {
  return { id, submitted, stops: [] } as unknown as IJourney;
}

/** jsdom's signals are none to Node's Request; in a browser both are of one kind. */
class RequestWithoutSignal extends Request {
  constructor(input: RequestInfo | URL, init?: RequestInit) {
    super(input, { ...init, signal: undefined });
  }
}

function serverThatAnswers(answer: () => Promise<Response>): PhtServer {
  return new PhtServer(
    ServerConnection.makeSettings({
      baseUrl: 'http://localhost/base/',
      appendToken: false,
      fetch: answer as typeof fetch,
      Request: RequestWithoutSignal
    })
  );
}

function answered(status: number, body: string): () => Promise<Response> {
  // jsdom has no Response; this is the part of it that is used.
  const response = {
    ok: status < 400,
    status,
    statusText: 'Words',
    json: async () => JSON.parse(body)
  } as Response;
  return () => Promise.resolve(response);
}

describe('PhtServer', () => {
  let server: PhtServer;
  let stream: Stream;

  beforeEach(() => {
    Stream.opened = [];
    (globalThis as any).EventSource = Stream;
    server = serverThatAnswers(answered(200, '{}'));
    stream = Stream.opened[0];
  });

  afterEach(() => server.dispose());

  it('listens below the base URL', () => {
    expect(stream.url.split('?')[0]).toBe(
      'http://localhost/base/phtlab/events'
    );
  });

  it('shows the cookie against forgery in the address of the stream', () => {
    document.cookie = '_xsrf=2|abc|1';
    serverThatAnswers(answered(200, '{}')).dispose();
    expect(Stream.opened[1].url).toBe(
      'http://localhost/base/phtlab/events?_xsrf=2%7Cabc%7C1'
    );
  });

  it('shows the newest journey first, each once', () => {
    stream.say('journeys', [
      journey('a', '2026-01-02'),
      journey('b', '2026-01-01')
    ]);
    stream.say('journey', journey('c', '2026-01-03'));
    stream.say('journey', journey('b', '2026-01-01'));
    expect(server.journeys.map(j => j.id)).toEqual(['c', 'a', 'b']);
  });

  it('says when what it shows may be old', () => {
    const states: boolean[] = [];
    server.changed.connect(() => states.push(server.connected));
    stream.onopen?.();
    stream.onerror?.();
    stream.onerror?.();
    expect(states).toEqual([true, false]);
  });

  it('opens another stream after the server refused one', () => {
    jest.useFakeTimers();
    stream.close();
    stream.onerror?.();
    jest.runAllTimers();
    jest.useRealTimers();
    expect(Stream.opened).toHaveLength(2);
  });

  it('tells why a stream is refused, until it is open again', async () => {
    const refusing = serverThatAnswers(
      answered(403, '{"message": "Forbidden", "reason": null}')
    );
    const [, refused] = Stream.opened;
    refused.close();
    refused.onerror?.();
    await new Promise(resolve => setTimeout(resolve));
    expect(refusing.refusal?.code).toBe('logged-out');
    refused.onopen?.();
    expect(refusing.refusal).toBeNull();
    refusing.dispose();
  });

  it('takes no answer for a lost connection, not for a refusal', async () => {
    const gone = serverThatAnswers(() => Promise.reject(new TypeError('x')));
    const [, closed] = Stream.opened;
    closed.close();
    closed.onerror?.();
    await new Promise(resolve => setTimeout(resolve));
    expect(gone.refusal).toBeNull();
    gone.dispose();
  });

  it('puts the id into the path that the API names', async () => {
    const transport = jest.fn((request: Request) => answered(200, '{}')());
    const asking = serverThatAnswers(transport as any);
    await asking.results('sha256:$&');
    await asking.comment('p-1', 'Why 3?');
    expect(
      transport.mock.calls.map(([{ url }]) => new URL(url).pathname)
    ).toEqual([
      '/base/phtlab/journeys/sha256:$&/results',
      '/base/phtlab/proposals/p-1/comments'
    ]);
    asking.dispose();
  });

  it("throws the server's own message", async () => {
    const refusing = serverThatAnswers(
      answered(400, '{"code": "passphrase", "message": "It does not fit."}')
    );
    const problem: ServerError = await refusing.unlock('x').catch(e => e);
    expect(problem).toBeInstanceOf(ServerError);
    expect([problem.code, problem.message]).toEqual([
      'passphrase',
      'It does not fit.'
    ]);
    refusing.dispose();
  });

  it('shows the hint after the message', async () => {
    const refusing = serverThatAnswers(
      answered(
        423,
        '{"code": "key-locked", "message": "Your key is locked.", "hint": "Unlock it."}'
      )
    );
    const problem: ServerError = await refusing.keys().catch(e => e);
    expect(problem.message).toBe('Your key is locked. Unlock it.');
    expect(problem.problem.message).toBe(problem.message);
    refusing.dispose();
  });

  it('has words for an answer that is not from us', async () => {
    const proxy = serverThatAnswers(answered(418, '<html>A teapot'));
    await expect(proxy.keys()).rejects.toThrow('answered 418 Words');
    proxy.dispose();
  });

  it.each([401, 403])("has words for Jupyter's own refusal %s", async code => {
    const jupyter = serverThatAnswers(
      answered(code, '{"message": "Forbidden", "reason": null}')
    );
    const problem: ServerError = await jupyter.keys().catch(e => e);
    expect(problem.code).toBe('logged-out');
    expect(problem.message).toContain('not logged in');
    jupyter.dispose();
  });

  it.each([424, 502, 503])(
    'has words for a server that a hub has stopped: %s',
    async code => {
      const stopped = serverThatAnswers(answered(code, '<html></html>'));
      const problem: ServerError = await stopped.keys().catch(e => e);
      expect(problem.code).toBe('server-stopped');
      expect(problem.message).toContain('not running');
      stopped.dispose();
    }
  );

  it('bounds what a message can be, and shows what is unseen in it', async () => {
    const message = '\u202e<b>' + 'x'.repeat(100_000);
    const hostile = serverThatAnswers(
      answered(409, JSON.stringify({ code: 'x', message }))
    );
    const problem: ServerError = await hostile.keys().catch(e => e);
    expect(problem.message.startsWith('\\u202e<b>x')).toBe(true);
    expect(problem.message.length).toBeLessThanOrEqual(2000);
    expect(problem.problem.message).toBe(problem.message);
    hostile.dispose();
  });

  it('has words for a login page instead of an answer', async () => {
    const page = serverThatAnswers(answered(200, '<html>Sign in'));
    await expect(page.keys()).rejects.toThrow('log in again');
    page.dispose();
  });

  it('has words for no answer', async () => {
    const gone = serverThatAnswers(() => Promise.reject(new TypeError('x')));
    await expect(gone.keys()).rejects.toThrow('does not answer');
    gone.dispose();
  });
});
