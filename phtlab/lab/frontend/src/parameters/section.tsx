/**
 * The parameters' form as the Train panel and the dispatch dialog show it, with the server's
 * error about a value.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { ErrorLine } from '../components/errorLine';
import { ICheck, IProblem, IParameterValues } from '../server/api';
import { Name } from '../text/name';
import { ParametersForm } from './form';

export function Parameters(props: {
  check: ICheck;
  values: IParameterValues;
  problem: IProblem | null;
  trans: TranslationBundle;
  onChange: (values: IParameterValues, valid: boolean) => void;
}): JSX.Element {
  const { check, problem, trans } = props;
  const refused = isOfParameter(problem, check) ? problem : null;
  return (
    <>
      <ParametersForm
        schema={check.parameters}
        values={props.values}
        onChange={props.onChange}
        trans={trans}
      />
      {refused && (
        <ErrorLine>
          {!refused.message.includes(refused.field ?? '') && (
            <>
              <Name text={refused.field ?? ''} limit={40} />:{' '}
            </>
          )}
          {refused.message}
        </ErrorLine>
      )}
    </>
  );
}

/** Whether the problem is of one of these parameters, and so shown at the form. */
export function isOfParameter(
  problem: IProblem | null,
  check: ICheck | null
): boolean {
  return (
    typeof problem?.field === 'string' &&
    Object.keys(check?.parameters.properties ?? {}).includes(problem.field)
  );
}
