/**
 * The API of the server extension: the shapes of `phtlab/lab/server`.
 */

export interface IProblem {
  code: string;
  message: string;
  /** What to do next; empty if nothing can be said. */
  hint?: string;
  field?: string | null;
}

export type KeyState = 'none' | 'locked' | 'unlocked';

export interface IStatus {
  version: string;
  place: 'hub' | 'computer';
  user: string | null;
  /** Whether stations and journeys may be read now. */
  reads: boolean;
  /** Whether there is a twin station. */
  dry_runs: boolean;
  central: {
    url: string;
    state: 'ok' | 'unreachable' | 'unknown';
    consortium: string | null;
    sentence: string;
  };
  root: { fingerprint: string } | null;
  key: {
    state: KeyState;
    name: string | null;
    path: string;
    fingerprint: string | null;
    member: boolean | null;
    /** Who can read a key that rests here, in a sentence. */
    readers: string;
  };
  problem: IProblem | null;
}

export interface IColumn {
  name: string;
  type: string;
  description: string;
  unit: string;
  categories: string[] | null;
  minimum: number | null;
  maximum: number | null;
}

export interface IDataSet {
  name: string;
  title: string;
  description: string;
  rows: number | null;
  /** `rows` is a multiple of it, exact if it is 1; null: not said. */
  rows_rounded_to: number | null;
  columns: IColumn[];
  has_twin: boolean;
}

export interface IStation {
  name: string;
  organisation: string;
  online: boolean;
  last_seen: string | null;
  /** Why nothing new begins there; empty if it does. */
  paused: string;
  twin: boolean;
  version: string;
  running: number;
  waiting: number;
  datasets: IDataSet[];
}

export interface IKernel {
  name: string;
  language: string;
  digest: string;
}

export interface IMember {
  name: string;
  organisation: string;
  roles: string[];
}

/** Text that goes into a cell, and what it is called. */
export interface IFix {
  title: string;
  /** From 1. */
  line: number;
  /** From 0. */
  column: number;
  text: string;
  /** The part of `text` that the author has to replace. */
  select: [number, number] | null;
}

export interface IFinding {
  code: string;
  severity: 'error' | 'warning';
  /** Index of the cell from 0; null: the whole notebook. */
  cell: number | null;
  /** Line in the cell from 1. */
  line: number | null;
  message: string;
  /** What mends it in its cell, if that is known. */
  fix: IFix | null;
}

/** A parameter's JSON Schema: the small part that phtlab writes. */
export interface IParameter {
  type: 'integer' | 'number' | 'string' | 'boolean' | 'array';
  title?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  [keyword: string]: unknown;
}

/** The values of parameters, by name. */
export type ParameterValues = { [name: string]: unknown };

export interface IParameters {
  type: 'object';
  properties: { [name: string]: IParameter };
  required: string[];
  additionalProperties: false;
}

export interface ICheck {
  name: string;
  language: string;
  kernel: string | null;
  ok: boolean;
  /** Names what would be signed, so that nothing else is; null while there are errors. */
  digest: string | null;
  parameters: IParameters;
  outputs: { name: string; kind: string }[];
  datasets: string[];
  findings: IFinding[];
}

export interface ICellError {
  type: string;
  /** Number of the cell from 1, in the notebook as its author has it. */
  cell: number | null;
  line: number | null;
  message: string | null;
}

export interface IStop {
  station: string;
  number: number;
  state: string;
  words: string;
  final: boolean;
  /** Its station signed another record of it as well. */
  contradicted: boolean;
  code: string;
  sentence: string;
  error: ICellError | null;
  cell: number | null;
  cells: number | null;
  updated: string;
  seconds: number | null;
}

export interface IJourney {
  id: string;
  short: string;
  train: string;
  train_name: string;
  researcher: string;
  mine: boolean;
  twin: boolean;
  submitted: string;
  expires: string;
  removed: string | null;
  done: boolean;
  cancelled: boolean;
  parameters: { [name: string]: unknown } | null;
  recipients: string[];
  notebook: string | null;
  stops: IStop[];
}

export interface ITable {
  columns: string[];
  rows: unknown[][];
  /** How many rows there are; `rows` holds the first of them. */
  total: number;
}

export interface IOutput {
  name: string;
  kind: 'table' | 'scalar' | 'figure' | 'model' | 'file';
  table?: ITable;
  png?: string;
  scalar?: unknown;
  shapes?: { [name: string]: number[] };
  bytes?: number;
}

export interface IVerdict {
  name: string;
  kind: string;
  verdict: string;
  rule: string;
  sentence: string;
  suppressed_rows: number;
}

/** What the airlocks of `stations` would make of a dry run's outputs, by the rules they publish. */
export interface IForecast {
  stations: string[];
  verdicts: IVerdict[];
}

export interface IResults {
  journey: IJourney;
  stations: {
    station: string;
    outputs: IOutput[];
    verdicts: IVerdict[];
    /** Of a dry run only. */
    forecasts: IForecast[];
  }[];
  failures: {
    station: string;
    outcome: string;
    code: string;
    sentence: string;
    error: ICellError | null;
    forecasts: IForecast[];
  }[];
  unsigned: { station: string; words: string }[];
  /** Stops that have not ended: these are the results so far. */
  waiting: { station: string; words: string }[];
  /** What stations lack of each output; the words follow the station's name. */
  missing: { output: string; station: string; words: string }[];
}

export interface IKey {
  name: string;
  path: string;
  current: boolean;
  fingerprint: string | null;
  created: string | null;
}

/** How far a station is with the newest version of a proposal. */
export interface IProposalStation {
  station: string;
  state:
    | 'submitted'
    | 'in-review'
    | 'approved'
    | 'refused'
    | 'revoked'
    | 'expired'
    | 'void';
  /** What may start under its approval, in words; empty if there is none. */
  allows: string;
  /** Why the study's own trains may not start under it; empty if they may. */
  lacks: string;
  /** Its last question, until it decides. */
  question: string;
}

/** What a study asks of stations: the newest version, in a few words. */
export interface IProposal {
  id: string;
  title: string;
  researcher: string;
  version: number;
  digest: string;
  state: 'submitted' | 'in-review' | 'decided' | 'expired' | 'withdrawn';
  until: string;
  updated: string;
  comments: number;
  stations: IProposalStation[];
}

export interface IProposalDetail extends IProposal {
  decisions: {
    station: string;
    kind: 'approved' | 'refused' | 'revoked';
    at: string;
    /** What the station signed, in words. */
    sentence: string;
  }[];
  said: {
    author: string;
    at: string;
    text: string;
    question: boolean;
  }[];
}

/** What the draft of a notebook's proposal would ask for as its next version. */
export interface IProposalCheck {
  id: string;
  title: string;
  version: number;
  stations: string[];
  /** Its digest: what is submitted is this, or nothing. */
  checked: string;
  /** A first version whole; of a later one what differs from the one before. */
  parts: {
    heading: string;
    lines: { mark: '-' | '+' | ' '; text: string }[];
  }[];
}

export interface IDispatch {
  path: string;
  /** The digest of the check that was shown. */
  checked: string;
  stations: string[] | 'all' | 'twin';
  parameters: { [name: string]: unknown };
  recipients: string[];
  /** The proposal that it is made under, in the version that was shown; null: under none. */
  proposal: { id: string; digest: string } | null;
}
