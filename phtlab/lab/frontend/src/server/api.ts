/**
 * The API of the server extension: what it takes and answers.
 *
 * Made from the models in phtlab/lab/server/api by `jlpm api`: change these, not this file.
 */

export type KeyState = 'none' | 'locked' | 'unlocked';

/**
 * All interfaces of the API.
 */
export interface IApi {
  answers: IAnswers;
  bodies: IBodies;
  event: IEvent;
  problem: IProblem;
}

/**
 * The answer to each request that is answered with JSON.
 */
export interface IAnswers {
  'GET status': IStatus;
  'GET stations': IStation[];
  'GET kernels': IKernel[];
  'GET members': IMember[];
  'POST check': ICheck;
  'GET journeys': IJourney[];
  'POST journeys': IJourney;
  'GET journeys/{journey}': IJourney;
  'POST journeys/{journey}/cancel': IJourney;
  'POST journeys/{journey}/finish': IJourney;
  'POST journeys/{journey}/resume': IJourney;
  'GET journeys/{journey}/results': IResults;
  'POST journeys/{journey}/aggregate': IWrittenFile;
  'POST journeys/{journey}/export': IWrittenFile;
  'GET proposals': IProposal[];
  'POST proposals/draft': IProposalDraft;
  'POST proposals/check': IProposalCheck;
  'POST proposals/submit': IProposalDetail;
  'GET proposals/{proposal}': IProposalDetail;
  'POST proposals/{proposal}/comments': IProposalDetail;
  'POST proposals/{proposal}/withdraw': IProposalDetail;
  'GET keys': IKey[];
  'POST keys': IKey;
  'POST keys/unlock': IStatus;
  'POST keys/lock': IStatus;
  'POST keys/passphrase': IKey;
  'POST keys/restore': IKey;
  'POST keys/revoke': IRevokedKey;
  'POST tutorial': IWrittenFile;
}

export interface IStatus {
  version: string;
  place: 'hub' | 'computer';
  user: string | null;
  /**
   * Whether stations and journeys may be read now.
   */
  reads: boolean;
  /**
   * Whether there is a twin station.
   */
  dry_runs: boolean;
  central: ICentralConnection;
  root: IPinnedRoot | null;
  key: ICurrentKey;
  problem: IProblem | null;
}

export interface ICentralConnection {
  url: string;
  state: 'ok' | 'unreachable' | 'unknown';
  consortium: string | null;
  sentence: string;
}

export interface IPinnedRoot {
  fingerprint: string;
}

export interface ICurrentKey {
  state: KeyState;
  name: string | null;
  path: string;
  fingerprint: string | null;
  member: boolean | null;
  /**
   * Who can read the key file and the unlocked key here, in a sentence.
   */
  readers: string;
}

/**
 * Why a request was refused, or what keeps the server extension from working.
 */
export interface IProblem {
  code: string;
  message: string;
  /**
   * What to do next; empty if nothing can be said.
   */
  hint?: string;
  /**
   * The field of a form that is refused.
   */
  field?: string | null;
}

export interface IStation {
  name: string;
  organisation: string;
  online: boolean;
  last_seen: string | null;
  /**
   * Why nothing new begins there; empty if it does.
   */
  paused: string;
  twin: boolean;
  version: string;
  running: number;
  waiting: number;
  datasets: IDataSet[];
}

export interface IDataSet {
  name: string;
  title: string;
  description: string;
  rows: number | null;
  /**
   * `rows` is a multiple of it, exact if it is 1; null: not published.
   */
  rows_rounded_to: number | null;
  columns: IColumn[];
  has_twin: boolean;
}

export interface IColumn {
  name: string;
  type: 'integer' | 'number' | 'string' | 'boolean' | 'date';
  description: string;
  unit: string;
  categories: string[] | null;
  minimum: number | null;
  maximum: number | null;
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

export interface ICheck {
  name: string;
  language: string;
  kernel: string | null;
  ok: boolean;
  /**
   * Names what would be signed, so that nothing else is; null while there are errors.
   */
  digest: string | null;
  parameters: IParameters;
  outputs: IDeclaredOutput[];
  /**
   * How the train visits stations, which follows from the cells.
   */
  route: 'parallel' | 'sequential' | 'rounds';
  /**
   * Values that a station receives from the one before it, or from combine cells.
   */
  received: string[];
  datasets: string[];
  findings: IFinding[];
}

/**
 * The JSON Schema of a notebook's parameters.
 */
export interface IParameters {
  type: 'object';
  properties: {
    [k: string]: IParameter;
  };

  required: string[];
  additionalProperties: false;
}

/**
 * A parameter's JSON Schema: the small part that phtlab writes.
 */
export interface IParameter {
  type: 'integer' | 'number' | 'string' | 'boolean' | 'array';
  title?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  [k: string]: unknown;
}

export interface IDeclaredOutput {
  name: string;
  kind: 'table' | 'scalar' | 'figure' | 'model' | 'file';
  /**
   * Who gets it.
   */
  to: 'researcher' | 'next' | 'both';
}

export interface IFinding {
  code: string;
  severity: 'error' | 'warning';
  /**
   * Index of the cell from 0; null: the whole notebook.
   */
  cell: number | null;
  /**
   * Line in the cell from 1.
   */
  line: number | null;
  message: string;
  /**
   * A correction of its cell, if one is known.
   */
  fix: IFix | null;
}

/**
 * An insertion into the text of a finding's cell.
 */
export interface IFix {
  title: string;
  /**
   * From 1.
   */
  line: number;
  /**
   * From 0.
   */
  column: number;
  text: string;
  /**
   * The part of `text` that the author has to replace.
   */
  select: [number, number] | null;
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
  /**
   * "parallel", "sequential" or "rounds".
   */
  route: string;
  /**
   * The journey that it continues.
   */
  continues: string | null;
  /**
   * The journey that continues it.
   */
  continued_by: string | null;
  /**
   * Whether its researcher can continue it now.
   */
  resumable: boolean;
  parameters: IParameterValues | null;
  recipients: string[];
  notebook: string | null;
  /**
   * Null on a route without rounds.
   */
  rounds: IRoundsMap | null;
  stops: IStop[];
}

export interface IParameterValues {
  [k: string]: unknown;
}

/**
 * The rounds of one journey for display: `number` of at most `most`.
 *
 * `heard` are the stations whose records of this round are there, `awaited` those that still
 * compute it. `ended` says that no further round begins.
 */
export interface IRoundsMap {
  number: number;
  /**
   * The most rounds that the order allows; 0 if unknown.
   */
  most: number;
  ended: boolean;
  heard: string[];
  awaited: string[];
  /**
   * What combine cells reported, as far as it was opened.
   */
  lines: IReportedLine[];
  /**
   * Whether the key that opens what was reported is locked.
   */
  locked: boolean;
}

/**
 * What combine cells reported under one name: a number per round, rounds ascending.
 *
 * Of more than `MAX_POINTS` rounds, every so many and the last.
 */
export interface IReportedLine {
  name: string;
  rounds: number[];
  values: number[];
}

export interface IStop {
  station: string;
  number: number;
  state:
    | 'offered'
    | 'verified'
    | 'held'
    | 'admitted'
    | 'running'
    | 'airlock'
    | 'sealed'
    | 'departed'
    | 'refused'
    | 'failed'
    | 'cancelled';
  words: string;
  final: boolean;
  /**
   * Its station signed another record of it as well.
   */
  contradicted: boolean;
  code: string;
  sentence: string;
  error: ICellError | null;
  cell: number | null;
  cells: number | null;
  updated: string;
  /**
   * How long it took; null until it has ended.
   */
  seconds: number | null;
  /**
   * Whether it is that of an aggregator, which has no data.
   */
  combines: boolean;
}

export interface ICellError {
  type: string;
  /**
   * Number of the cell from 1, in the notebook as its author has it.
   */
  cell: number | null;
  line: number | null;
  message: string | null;
}

export interface IResults {
  journey: IJourney;
  stations: IStationResults[];
  failures: IFailedStop[];
  /**
   * Stops that ended without a signed record.
   */
  unsigned: IStopNote[];
  /**
   * Stops that have not ended: these are the results so far.
   */
  waiting: IStopNote[];
  missing: IMissingOutput[];
  /**
   * Null of a journey without rounds.
   */
  rounds: IRoundResults | null;
}

export interface IStationResults {
  station: string;
  outputs: IOutput[];
  verdicts: IVerdict[];
  handed_on: IHandedOn[];
  /**
   * Of a dry run only.
   */
  forecasts: IForecast[];
  /**
   * How many rounds it computed; null on a route without rounds.
   */
  rounds: number | null;
}

/**
 * An output that left its station, with the fields of its kind.
 *
 * A figure has its data as a `table`.
 */
export interface IOutput {
  name: string;
  kind: 'table' | 'scalar' | 'figure' | 'model' | 'file';
  table?: ITable;
  /**
   * A figure, as base64.
   */
  png?: string;
  scalar?: unknown;
  /**
   * The shape of each of a model's arrays.
   */
  shapes?: {
    [k: string]: number[];
  };

  /**
   * The size of a file.
   */
  bytes?: number;
}

export interface ITable {
  columns: string[];
  rows: unknown[][];
  /**
   * How many rows there are; `rows` holds the first of them.
   */
  total: number;
}

/**
 * What the airlock decided; "unreadable" is what was released and cannot be shown.
 */
export interface IVerdict {
  name: string;
  kind: 'table' | 'scalar' | 'figure' | 'model' | 'file';
  verdict: ('released' | 'suppressed' | 'held' | 'refused') | 'unreadable';
  rule: string;
  sentence: string;
  suppressed_rows: number;
}

/**
 * An output that a station handed on to the next one of a sequential route.
 */
export interface IHandedOn {
  output: string;
  /**
   * Null on a dry run, where it would be handed on.
   */
  station: string | null;
}

/**
 * What the airlocks of `stations` would decide on a dry run's outputs.
 *
 * They decide by the rules that they publish.
 */
export interface IForecast {
  stations: string[];
  verdicts: IVerdict[];
}

export interface IFailedStop {
  station: string;
  outcome: 'departed' | 'refused' | 'failed' | 'cancelled';
  code: string;
  sentence: string;
  error: ICellError | null;
  forecasts: IForecast[];
}

export interface IStopNote {
  station: string;
  words: string;
}

/**
 * What a station lacks of an output; `words` follow the station's name.
 */
export interface IMissingOutput {
  output: string;
  station: string;
  words: string;
}

export interface IRoundResults {
  /**
   * The number of the last round that any station computed.
   */
  count: number;
  lines: IReportedLine[];
  combined: ICombinedValue[];
}

/**
 * An array that the rounds ended with. `name` is `beta`, or `model.weights` of several.
 */
export interface ICombinedValue {
  name: string;
  shape: number[];
  /**
   * In the order of rows; empty for a large array.
   */
  values: unknown[];
}

/**
 * Where a notebook or a folder was written.
 */
export interface IWrittenFile {
  path: string;
}

/**
 * What a study asks of stations: the newest version, in a few words.
 */
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

/**
 * How far a station is with the newest version of a proposal.
 */
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
  /**
   * What may start under its approval, in words; empty if there is none.
   */
  allows: string;
  /**
   * Why the study's own trains may not start under it; empty if they may.
   */
  lacks: string;
  /**
   * Its last question, until it decides.
   */
  question: string;
}

/**
 * Where the draft of a notebook's proposal is.
 */
export interface IProposalDraft {
  path: string;
  /**
   * Whether it was written now.
   */
  made: boolean;
}

/**
 * What the draft of a notebook's proposal would ask for as its next version.
 */
export interface IProposalCheck {
  id: string;
  title: string;
  version: number;
  stations: string[];
  /**
   * Its digest: what is submitted is this, or nothing.
   */
  checked: string;
  /**
   * A first version whole; of a later one what differs from the one before.
   */
  parts: IProposalPart[];
}

export interface IProposalPart {
  heading: string;
  lines: IProposalLine[];
}

export interface IProposalLine {
  mark: '-' | '+' | ' ';
  text: string;
}

/**
 * A proposal with the decisions on its newest version and all comments.
 */
export interface IProposalDetail {
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
  decisions: IProposalDecision[];
  discussion: IProposalComment[];
}

export interface IProposalDecision {
  station: string;
  kind: 'approved' | 'refused' | 'revoked';
  at: string;
  /**
   * What the station signed, in words.
   */
  sentence: string;
}

export interface IProposalComment {
  author: string;
  at: string;
  text: string;
  question: boolean;
}

export interface IKey {
  name: string;
  path: string;
  current: boolean;
  fingerprint: string | null;
  created: string | null;
}

/**
 * A revoked key: where the signed request for an officer was written, and its file's name.
 */
export interface IRevokedKey {
  path: string;
  name: string;
}

/**
 * The body of each POST that has one.
 */
export interface IBodies {
  'POST check': INotebookContent;
  'POST journeys': IDispatch;
  'POST journeys/{journey}/aggregate': IAggregateTarget;
  'POST journeys/{journey}/export': IExportTarget;
  'POST proposals/draft': INotebookPath;
  'POST proposals/check': INotebookPath;
  'POST proposals/submit': ICheckedNotebook;
  'POST proposals/{proposal}/comments': INewComment;
  'POST proposals/{proposal}/withdraw': IProposalWithdrawal;
  'POST keys': INewKey;
  'POST keys/unlock': IKeyUnlock;
  'POST keys/passphrase': IPassphraseChange;
  'POST keys/restore': IKeyRestoration;
  'POST keys/revoke': IKeyRevocation;
}

/**
 * The notebook that is checked.
 */
export interface INotebookContent {
  /**
   * Such as `heart.ipynb`.
   */
  name: string;
  /**
   * In nbformat 4.
   */
  content: {
    [k: string]: unknown;
  };
}

/**
 * The journey that is to be signed; "twin" is a dry run.
 */
export interface IDispatch {
  path: string;
  /**
   * The digest of the check that the person saw: nothing else is signed.
   */
  checked: string;
  stations: ('all' | 'twin') | string[];
  parameters?: {
    [k: string]: unknown;
  };

  recipients?: string[];
  /**
   * The proposal that it is made under; null: under none.
   */
  proposal?: IProposalVersion | null;
  /**
   * Who combines the rounds; null: the kernel of whoever waits for them.
   */
  aggregator?: string | null;
}

/**
 * A proposal, in the version that the person saw: no other is signed for.
 */
export interface IProposalVersion {
  id: string;
  digest: string;
}

/**
 * The notebook whose aggregate cells are filled; without one, a new one is written.
 */
export interface IAggregateTarget {
  path?: string | null;
}

/**
 * A folder below the root, which is made.
 */
export interface IExportTarget {
  directory: string;
}

/**
 * The notebook's path as Lab has it; its proposal's draft lies beside it.
 */
export interface INotebookPath {
  path: string;
}

/**
 * The notebook whose proposal is submitted.
 */
export interface ICheckedNotebook {
  path: string;
  /**
   * The digest of what the person was shown: nothing else is signed.
   */
  checked: string;
}

export interface INewComment {
  text: string;
}

export interface IProposalWithdrawal {
  reason?: string;
}

export interface INewKey {
  name: string;
  organisation?: string;
  passphrase: string;
}

export interface IKeyUnlock {
  passphrase: string;
}

export interface IPassphraseChange {
  old: string;
  new: string;
}

export interface IKeyRestoration {
  /**
   * The key file, as base64.
   */
  content: string;
  passphrase: string;
}

export interface IKeyRevocation {
  passphrase: string;
  reason?: string;
}

/**
 * One event of the stream: the name of the field that is set is its kind.
 */
export interface IEvent {
  status?: IStatus;
  stations?: IStation[];
  /**
   * The newest first.
   */
  journeys?: IJourney[];
  journey?: IJourney;
  /**
   * The last changed first.
   */
  proposals?: IProposal[];
}
