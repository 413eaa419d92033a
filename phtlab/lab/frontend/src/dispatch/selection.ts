/**
 * Stations and recipients that a dispatch can have, and those that are selected by default.
 */
import { ICheck, IMember, IStation } from '../server/api';
import { missingDataSets, sortByName } from '../stations/description';

/** Roles of machines: with no other, a member is no person. */
const WITHOUT_PERSON: readonly string[] = ['station', 'twin', 'aggregator'];

/** The stations that a journey can go to; twins are for dry runs. */
export function destinations(stations: readonly IStation[]): IStation[] {
  return sortByName(stations.filter(station => !station.twin));
}

/** What is chosen before anyone chose: every station that has the data, also one that is away. */
export function defaultStations(
  stations: readonly IStation[],
  check: ICheck
): string[] {
  return destinations(stations)
    .filter(station => missingDataSets(station, check.datasets).length === 0)
    .map(station => station.name);
}

/** Those of an earlier choice that still exist. */
export function existingStations(
  names: readonly string[],
  stations: readonly IStation[]
): string[] {
  const existing = new Set(destinations(stations).map(station => station.name));
  return names.filter(name => existing.has(name));
}

/** Who can be given the results: people, not stations, and not the one who sends. */
export function candidateRecipients(
  members: readonly IMember[],
  me: string | null
): IMember[] {
  const people = members.filter(
    member =>
      member.name !== me &&
      member.roles.some(role => !WITHOUT_PERSON.includes(role))
  );
  return people.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The members that can combine rounds, by name. */
export function candidateAggregators(members: readonly IMember[]): IMember[] {
  return members
    .filter(({ roles }) => roles.includes('aggregator'))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Those of an earlier order that can still be chosen: what is not shown is not given anything. */
export function existingRecipients(
  names: readonly string[],
  members: readonly IMember[],
  me: string | null
): string[] {
  const candidates = new Set(
    candidateRecipients(members, me).map(member => member.name)
  );
  return names.filter(name => candidates.has(name));
}
