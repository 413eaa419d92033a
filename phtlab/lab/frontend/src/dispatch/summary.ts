/**
 * What a dispatch signs, as text.
 */
import { TranslationBundle } from '@jupyterlab/translation';

import { parameterWords } from '../journeys/status';
import { listed } from '../text/list';
import { cutMiddle, named } from '../text/untrusted';

export interface IIntention {
  name: string;
  me: string | null;
  parameters: { [name: string]: unknown };
  stations: readonly string[];
  away: readonly string[];
  recipients: readonly string[];
  /** The title of the proposal that it is made under; null: under none. */
  proposal: string | null;
}

/** What will be signed, in words. */
export function summary(
  intention: IIntention,
  trans: TranslationBundle
): string[] {
  const me = intention.me ?? trans.__('you');
  const sentences = [
    trans.__(
      '%1 runs %2 with %3.',
      named(intention.name),
      trans.__('at %1', listed(intention.stations, trans)),
      cutMiddle(parameterWords(intention.parameters, trans), 200)
    )
  ];
  if (intention.away.length > 0) {
    sentences.push(
      trans._n(
        '%2 is offline: it runs there when the station is back.',
        '%2 are offline: it runs there when the stations are back.',
        intention.away.length,
        listed(intention.away, trans)
      )
    );
  }
  if (intention.proposal !== null) {
    sentences.push(
      trans.__('It is made under the proposal %1.', named(intention.proposal))
    );
  }
  sentences.push(
    intention.recipients.length === 0
      ? trans.__('Only %1 can open what comes back.', named(me))
      : trans.__(
          '%1 can open what comes back.',
          listed([me, ...intention.recipients], trans)
        )
  );
  return sentences;
}
