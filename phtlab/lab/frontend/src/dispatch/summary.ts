/**
 * What a dispatch signs, as text.
 */
import { TranslationBundle } from '@jupyterlab/translation';

import { parametersText } from '../journeys/status';
import { formatList } from '../text/list';
import { isolateName, truncateMiddle } from '../text/untrusted';
import { routeSentence } from './routeOrder';

export interface IOrderSummary {
  name: string;
  me: string | null;
  parameters: { [name: string]: unknown };
  stations: readonly string[];
  /** Whether the stations take turns, in the order in which they are listed. */
  isSequential: boolean;
  away: readonly string[];
  recipients: readonly string[];
  /** The title of the proposal that it is made under; null: under none. */
  proposal: string | null;
  /** Who combines the rounds: an aggregator, or null for this kernel; absent without rounds. */
  aggregator?: string | null;
}

/** What will be signed, in words. */
export function summary(
  order: IOrderSummary,
  trans: TranslationBundle
): string[] {
  const me = order.me ?? trans.__('you');
  const sentences = [
    trans.__(
      '%1 runs %2 with %3.',
      isolateName(order.name),
      order.isSequential
        ? trans.__('in turn at %1,', routeSentence(order.stations, trans))
        : trans.__('at %1', formatList(order.stations, trans)),
      truncateMiddle(parametersText(order.parameters, trans), 200)
    )
  ];
  if (order.away.length > 0) {
    sentences.push(
      trans._n(
        '%2 is offline: it runs there when the station is back.',
        '%2 are offline: it runs there when the stations are back.',
        order.away.length,
        formatList(order.away, trans)
      )
    );
  }
  if (order.aggregator !== undefined) {
    sentences.push(
      order.aggregator === null
        ? trans.__("This notebook's kernel combines the rounds.")
        : trans.__(
            'The aggregator %1 combines the rounds, and reads what each station sends.',
            isolateName(order.aggregator)
          )
    );
  }
  if (order.proposal !== null) {
    sentences.push(
      trans.__('It is made under the proposal %1.', isolateName(order.proposal))
    );
  }
  sentences.push(
    order.recipients.length === 0
      ? trans.__('Only %1 can open what comes back.', isolateName(me))
      : trans.__(
          '%1 can open what comes back.',
          formatList([me, ...order.recipients], trans)
        )
  );
  return sentences;
}
