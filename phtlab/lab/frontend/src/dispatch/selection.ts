/**
 * Whom a dispatch can go to: stations and recipients, and which of them are chosen at first.
 */
import { ICheck, IMember, IStation } from '../server/api';
import { byName, lacking } from '../stations/description';

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
