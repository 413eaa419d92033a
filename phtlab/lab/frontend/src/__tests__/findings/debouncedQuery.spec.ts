import { DebouncedQuery } from '../../findings/debouncedQuery';

/** Questions that a test answers, in the order in which they were asked. */
class RecordedQueries {
  read = () => this.text;
  send = (about: string) =>
    new Promise<string>((resolve, reject) => {
      this.questions.push({ about, resolve, reject });
    });

  text = 'first';
  questions: {
    about: string;
    resolve: (answer: string) => void;
    reject: (error: unknown) => void;
  }[] = [];
}

const PAUSE = 500;

describe('DebouncedQuery', () => {
  let queries: RecordedQueries;
  let live: DebouncedQuery<string, string>;
  let reported: jest.Mock;

  beforeEach(() => {
    jest.useFakeTimers();
    queries = new RecordedQueries();
    live = new DebouncedQuery<string, string>(queries, PAUSE);
    reported = jest.fn();
    live.changed.connect(reported);
  });

  afterEach(() => {
    live.dispose();
    jest.useRealTimers();
  });

  const after = (pause: number) => jest.advanceTimersByTimeAsync(pause);
  const abouts = () => queries.questions.map(({ about }) => about);

  it('asks once after the last of many changes', async () => {
    for (const text of ['a', 'ab', 'abc']) {
      queries.text = text;
      live.schedule();
      await after(PAUSE - 1);
    }
    expect(abouts()).toEqual([]);
    await after(1);
    expect(abouts()).toEqual(['abc']);
    queries.questions[0].resolve('fine');
    await after(0);
    expect(live.answer).toBe('fine');
    expect(reported).toHaveBeenCalledTimes(1);
  });

  it('does not ask about what it asked already', async () => {
    live.refresh();
    await after(0);
    queries.questions[0].resolve('fine');
    live.schedule();
    await after(PAUSE);
    expect(abouts()).toEqual(['first']);
    live.refresh();
    await after(0);
    expect(abouts()).toEqual(['first', 'first']);
  });

  it('drops the answer to what no longer stands, and asks again', async () => {
    live.refresh();
    await after(0);
    queries.text = 'second';
    live.schedule();
    await after(PAUSE);
    expect(abouts()).toEqual(['first']);
    queries.questions[0].resolve('of the first');
    await after(PAUSE);
    expect(live.answer).toBeNull();
    expect(reported).not.toHaveBeenCalled();
    expect(abouts()).toEqual(['first', 'second']);
    queries.questions[1].resolve('of the second');
    await after(PAUSE);
    expect(live.answer).toBe('of the second');
    expect(abouts()).toHaveLength(2);
  });

  it('asks again when a change was taken back while an answer was dropped', async () => {
    live.refresh();
    await after(0);
    queries.text = 'second';
    queries.questions[0].resolve('dropped');
    await after(0);
    queries.text = 'first';
    await after(PAUSE);
    expect(abouts()).toEqual(['first', 'first']);
  });

  it('keeps the last answer when there is none, and says why', async () => {
    live.refresh();
    await after(0);
    queries.questions[0].resolve('fine');
    await after(0);
    queries.text = 'second';
    live.schedule();
    await after(PAUSE);
    const error = new Error('away');
    queries.questions[1].reject(error);
    await after(PAUSE);
    expect(live.answer).toBe('fine');
    expect(live.failure).toBe(error);
    // Quietly: it does not insist.
    expect(abouts()).toHaveLength(2);
    live.refresh();
    await after(0);
    queries.questions[2].resolve('fine again');
    await after(0);
    expect(live.answer).toBe('fine again');
    expect(live.failure).toBeNull();
    expect(reported).toHaveBeenCalledTimes(3);
  });

  it('asks one question at a time', async () => {
    live.refresh();
    await after(0);
    live.refresh();
    await after(0);
    expect(abouts()).toHaveLength(1);
    queries.questions[0].resolve('fine');
    await after(PAUSE);
    expect(abouts()).toHaveLength(2);
  });

  it('says nothing once it is disposed', async () => {
    live.refresh();
    await after(0);
    live.dispose();
    queries.questions[0].resolve('late');
    live.schedule();
    await after(PAUSE);
    expect(reported).not.toHaveBeenCalled();
    expect(abouts()).toHaveLength(1);
  });
});
