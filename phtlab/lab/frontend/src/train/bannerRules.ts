/**
 * The Train panel's banners: what keeps the person from sending trains now, as a pure function.
 */
import { TranslationBundle } from '@jupyterlab/translation';

import { IProblem, IStatus } from '../server/api';

export type Remedy = 'unlock' | 'open-keys';

export interface IBanner {
  /** Tells banners apart. */
  kind:
    | 'connection'
    | 'refused'
    | 'no-central'
    | 'unreachable'
    | 'no-key'
    | 'locked'
    | 'not-member'
    | 'problem';
  tone: 'warning' | 'note';
  text: string;
  remedy: { action: Remedy; label: string } | null;
}

/** The banners, the most pressing first. `refusal` is why the server's news are refused. */
export function bannersOf(
  status: IStatus | null,
  connected: boolean,
  trans: TranslationBundle,
  refusal: IProblem | null = null
): IBanner[] {
  if (!connected && refusal !== null) {
    return [
      {
        kind: 'refused',
        tone: 'warning',
        text: trans.__('%1 What is shown may be old.', refusal.message),
        remedy: null
      }
    ];
  }
  if (!connected) {
    // Whatever else was known may be old, too.
    return [
      {
        kind: 'connection',
        tone: 'warning',
        text: trans.__(
          'Connection lost: what is shown may be old. Trying again. Journeys go on.'
        ),
        remedy: null
      }
    ];
  }
  if (status === null) {
    return [];
  }
  const banners = [
    centralBanner(status, trans),
    keyBanner(status, trans)
  ].filter(banner => banner !== null);
  const problem = status.problem;
  const known = ['central-', 'key-', 'not-on-roster'];
  if (problem !== null && !known.some(code => problem.code.startsWith(code))) {
    banners.push({
      kind: 'problem',
      tone: 'warning',
      text: textOf(problem),
      remedy: null
    });
  }
  return banners;
}

function centralBanner(
  status: IStatus,
  trans: TranslationBundle
): IBanner | null {
  const { url, state, sentence } = status.central;
  const problem = status.problem;
  if (!url || problem?.code === 'central-missing') {
    return {
      kind: 'no-central',
      tone: 'warning',
      text:
        (problem?.code === 'central-missing' ? textOf(problem) : sentence) ||
        trans.__(
          'No central is set here, so nothing can travel. You can write and check notebooks; ' +
            'ask who runs this server.'
        ),
      remedy: null
    };
  }
  if (state === 'unreachable') {
    return {
      kind: 'unreachable',
      tone: 'warning',
      text:
        sentence ||
        trans.__(
          'Central does not answer: what is shown may be old. Trying again. Journeys go on.'
        ),
      remedy: null
    };
  }
  return null;
}

function keyBanner(status: IStatus, trans: TranslationBundle): IBanner | null {
  const { state, member } = status.key;
  if (state === 'none') {
    return {
      kind: 'no-key',
      tone: 'note',
      text: trans.__(
        'There is no key here yet. You sign what you send, and open what comes back, with a key ' +
          'of your own.'
      ),
      remedy: {
        action: 'open-keys',
        label: trans.__('Create or restore a key…')
      }
    };
  }
  if (state === 'locked') {
    return {
      kind: 'locked',
      tone: 'note',
      text: status.reads
        ? trans.__('Your key is locked. Sending and opening results need it.')
        : trans.__(
            'Your key is locked. Unlock it to see stations and journeys.'
          ),
      remedy: { action: 'unlock', label: trans.__('Unlock…') }
    };
  }
  if (member === false) {
    return {
      kind: 'not-member',
      tone: 'note',
      text: trans.__(
        'Your key is not on the roster yet. Send your membership request to an officer; they ' +
          'add you.'
      ),
      remedy: { action: 'open-keys', label: trans.__('Open the request…') }
    };
  }
  return null;
}

/** What happened, and what to do about it. */
function textOf({ message, hint }: IProblem): string {
  return hint ? `${message} ${hint}` : message;
}
