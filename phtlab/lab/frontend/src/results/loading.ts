/**
 * Getting a journey's results: asks for the key when needed, waits for what is under way.
 */
import * as React from 'react';

import { IJourney, IProblem, IResults } from '../server/api';
import { ServerError } from '../server/errors';
import { IJourneyServer, IServerState } from '../server/interfaces';
import { refusalKind } from './refusalKind';

export type ILoad =
  | { state: 'loading' }
  | { state: 'shown'; results: IResults }
  | { state: 'refused'; problem: IProblem };

export interface ILoaded {
  load: ILoad;
  /** The journey as last heard; null if it is not known here. */
  journey: IJourney | null;
  again: () => void;
  /** Ask for the passphrase, then try again. */
  unlock: () => void;
}

/**
 * The results of the journey `id`. With `ask` a locked key is asked for at once: not when Lab
 * restores what was open, where nobody asked for anything.
 */
export function useResults(
  server: IServerState & IJourneyServer,
  id: string,
  ask: boolean,
  askKey: () => Promise<boolean>
): ILoaded {
  const [load, setLoad] = React.useState<ILoad>({ state: 'loading' });
  const journey =
    server.journeys.find(candidate => candidate.id === id) ?? null;
  // An answer that comes after a newer question is no answer.
  const question = React.useRef(0);
  const now = React.useRef(load);
  now.current = load;

  const fetchResults = React.useCallback(async () => {
    const mine = ++question.current;
    let answer: ILoad;
    try {
      answer = { state: 'shown', results: await server.results(id) };
    } catch (error) {
      answer = { state: 'refused', problem: problemOf(error) };
    }
    if (mine === question.current) {
      setLoad(answer);
    }
    return answer;
  }, [server, id]);

  const again = React.useCallback(() => {
    setLoad({ state: 'loading' });
    void fetchResults();
  }, [fetchResults]);

  const unlock = React.useCallback(() => {
    void askKey().then(opened => {
      if (opened) {
        again();
      }
    });
  }, [askKey, again]);

  React.useEffect(() => {
    setLoad({ state: 'loading' });
    void fetchResults().then(answer => {
      if (ask && answer.state === 'refused' && isLocked(answer.problem)) {
        unlock();
      }
    });
    return () => {
      question.current++;
    };
  }, [fetchResults, unlock, ask]);

  const done = journey?.done ?? false;
  const ended = journey?.stops.filter(stop => stop.final).length ?? 0;
  const open = server.status?.key.state === 'unlocked';
  React.useEffect(() => {
    const { current } = now;
    if (current.state !== 'refused') {
      return;
    }
    const kind = refusalKind(current.problem.code);
    if (
      (kind === 'unfinished' && (done || ended > 0)) ||
      (kind === 'locked' && open)
    ) {
      again();
    }
  }, [done, ended, open, again]);

  // Another stop has ended: what is shown stays until its results are here.
  const requestedFor = React.useRef(0);
  React.useEffect(() => {
    const { current } = now;
    if (
      current.state === 'shown' &&
      current.results.waiting.length > 0 &&
      ended > requestedFor.current &&
      ended > current.results.journey.stops.filter(stop => stop.final).length
    ) {
      requestedFor.current = ended;
      void fetchResults();
    }
  }, [ended, load, fetchResults]);

  return { load, journey, again, unlock };
}

function isLocked(problem: IProblem): boolean {
  return refusalKind(problem.code) === 'locked';
}

function problemOf(error: unknown): IProblem {
  return error instanceof ServerError
    ? error.problem
    : { code: 'error', message: String(error) };
}
