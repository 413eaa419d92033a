/**
 * What a dispatch asks and says, as pure functions: whom it goes to, and what will be signed.
 */
import { TranslationBundle } from '@jupyterlab/translation';

import { parameterWords } from '../journeys/status';
import { ICheck, IFinding, IMember, IStation } from '../server/api';
import { byName, lacking } from '../stations/description';
import { listed } from '../text/list';
import { cutMiddle, named } from '../text/untrusted';

/** The stations that a journey can go to; twins are for dry runs. */
export function destinations(stations: readonly IStation[]): IStation[] {
  return byName(stations.filter(station => !station.twin));
}

/** What is chosen before anyone chose: every station that has the data, also one that is away. */
export function chosenAtFirst(
  stations: readonly IStation[],
  check: ICheck
): string[] {
  return destinations(stations)
    .filter(station => lacking(station, check.datasets).length === 0)
    .map(station => station.name);
}

/** Those of an earlier choice that still exist. */
export function stillThere(
  names: readonly string[],
  stations: readonly IStation[]
): string[] {
  const there = new Set(destinations(stations).map(station => station.name));
  return names.filter(name => there.has(name));
}

/** Who can be given the results: people, not stations, and not the one who sends. */
export function others(
  members: readonly IMember[],
  me: string | null
): IMember[] {
  const people = members.filter(
    member =>
      member.name !== me &&
      member.roles.some(role => role !== 'station' && role !== 'twin')
  );
  return people.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Those of an earlier order that can still be chosen: what is not shown is not given anything. */
export function stillMembers(
  names: readonly string[],
  members: readonly IMember[],
  me: string | null
): string[] {
  const shown = new Set(others(members, me).map(member => member.name));
  return names.filter(name => shown.has(name));
}

/** A check of what can travel. */
export type ISoundCheck = ICheck & { digest: string };

export function isSound(check: ICheck): check is ISoundCheck {
  return check.ok && check.digest !== null;
}

/** What keeps a notebook from travelling. */
export function errors(check: ICheck): IFinding[] {
  return check.findings.filter(finding => finding.severity === 'error');
}

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
