/**
 * Results grouped by output instead of by station, as pure functions.
 */
import { IOutput, IResults, IVerdict } from '../server/api';

export interface IPart {
  station: string;
  output: IOutput;
}

export interface INote {
  station: string;
  verdict: IVerdict;
}

/** One output over all stations that sent it, and what their airlocks say of it. */
export interface IOutputGroup {
  /** Tells groups apart: two stations may send one name as two kinds. */
  id: string;
  name: string;
  kind: string;
  parts: IPart[];
  /** Verdicts other than a plain release, in the stations' order. */
  notes: INote[];
  /** Of a dry run: what stations would make of it. */
  foreseen: IForecastVerdict[];
  /** What stations lack of it, and so each number over stations. */
  missing: IMissing[];
  /** The stations of a sequential route that handed it on, and to which. */
  handedOn: IHandedOnBy[];
}

export interface IHandedOnBy {
  station: string;
  /** Null on a dry run, where it would be handed on. */
  to: string | null;
}

export interface IForecastVerdict {
  stations: string[];
  verdict: IVerdict;
}

export interface IMissing {
  station: string;
  /** To follow the station's name: `withheld 1 row below 10`. */
  words: string;
}

/** The verdicts with which an output leaves, as a whole or in part. */
const LEFT: readonly IVerdict['verdict'][] = ['released', 'suppressed'];

/** The outputs in the order in which the stations' records name them. */
export function groupOutputs(results: IResults): IOutputGroup[] {
  const groups = new Map<string, IOutputGroup>();
  const group = (name: string, kind: string): IOutputGroup => {
    const id = JSON.stringify([kind, name]);
    let existing = groups.get(id);
    if (!existing) {
      const missing = results.missing.filter(({ output }) => output === name);
      existing = {
        id,
        name,
        kind,
        parts: [],
        notes: [],
        foreseen: [],
        missing,
        handedOn: results.stations.flatMap(({ station, handed_on }) =>
          handed_on
            .filter(({ output }) => output === name)
            .map(handed => ({ station, to: handed.station }))
        )
      };
      groups.set(id, existing);
    }
    return existing;
  };
  for (const station of results.stations) {
    const sent = new Map(station.outputs.map(output => [output.name, output]));
    for (const verdict of station.verdicts) {
      if (station.rounds !== null && LEFT.includes(verdict.verdict)) {
        continue; // it left with each round
      }
      const output = sent.get(verdict.name);
      const kind = output?.kind ?? verdict.kind;
      const into = group(verdict.name, kind);
      if (output) {
        into.parts.push({ station: station.station, output });
        sent.delete(verdict.name);
      }
      if (verdict.sentence || verdict.verdict !== 'released') {
        into.notes.push({ station: station.station, verdict });
      }
    }
    for (const output of sent.values()) {
      group(output.name, output.kind).parts.push({
        station: station.station,
        output
      });
    }
  }
  for (const { stations, verdicts } of [
    ...results.stations,
    ...results.failures
  ].flatMap(station => station.forecasts)) {
    for (const verdict of verdicts) {
      group(verdict.name, verdict.kind).foreseen.push({ stations, verdict });
    }
  }
  return [...groups.values()];
}

export interface IVerified {
  /** Stops whose record was verified, out of all. */
  verified: number;
  total: number;
}

export function countVerified(results: IResults): IVerified {
  const count = results.stations.length + results.failures.length;
  const { unsigned, waiting } = results;
  return { verified: count, total: count + unsigned.length + waiting.length };
}
