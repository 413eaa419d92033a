/**
 * A request by a notebook's widget to send a journey, validated: a kernel may send anything.
 */

export interface ICodeRequest {
  name: string;
  stations: string[];
  /** Whether the stations take turns, in the order in which they are listed. */
  isSequential: boolean;
  parameters: { [name: string]: string };
  outputs: string[];
  /** Who can open what comes back. */
  recipients: string[];
  /** The title of the proposal that it is made under; empty: under none. */
  proposal: string;
  /** How many rounds, and who combines them; empty without rounds. */
  rounds: string;
  /** Tells the kernel to send it. */
  answer: () => void;
}

/** The question in the detail of an event; null if it is none. */
export function parseCodeRequest(detail: unknown): ICodeRequest | null {
  const { question, answer } = record(detail);
  const { name, stations, parameters, outputs, recipients, proposal } =
    record(question);
  return typeof name === 'string' &&
    isTexts(stations) &&
    isTexts(Object.values(record(parameters))) &&
    isTexts(outputs) &&
    isTexts(recipients) &&
    typeof proposal === 'string' &&
    typeof answer === 'function'
    ? {
        name,
        stations,
        isSequential: record(question).route === 'sequential',
        parameters: record(parameters) as { [name: string]: string },
        outputs,
        recipients,
        proposal,
        rounds: textOf(record(question).rounds),
        answer: answer as () => void
      }
    : null;
}

function record(value: unknown): { [key: string]: unknown } {
  return typeof value === 'object' && value !== null
    ? (value as { [key: string]: unknown })
    : {};
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(item => typeof item === 'string');
}
