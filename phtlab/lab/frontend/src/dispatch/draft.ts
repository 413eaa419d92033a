/**
 * An order before it is signed, and the check that it is made of.
 */
import { ICheck, IFinding, IParameterValues } from '../server/api';

/** A check of what can travel. */
export type IPassedCheck = ICheck & { digest: string };

export function hasPassed(check: ICheck): check is IPassedCheck {
  return check.ok && check.digest !== null;
}

/** What keeps a notebook from travelling. */
export function errorFindings(check: ICheck): IFinding[] {
  return check.findings.filter(finding => finding.severity === 'error');
}

export interface IDraft {
  path: string;
  /** As it is called, such as `heart_disease.ipynb`. */
  name: string;
  check: IPassedCheck;
  stations: string[];
  parameters: IParameterValues;
  recipients: string[];
  /** The digest of the version of the proposal that it is made under; null: under none. */
  proposal: string | null;
  /** The aggregator that combines its rounds; null: this notebook's kernel, or it has none. */
  aggregator: string | null;
}
