/**
 * The steps from a new key to membership of the consortium.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Sentence } from '../text/name';

export function MembershipSteps(props: {
  trans: TranslationBundle;
  consortium: string | null;
  onBackup: () => void;
  onRequest: () => void;
}): JSX.Element {
  const { trans, consortium } = props;
  return (
    <section className="pht-Card pht-mod-next" aria-labelledby="pht-keys-next">
      <h2 id="pht-keys-next">
        {consortium ? (
          <Sentence
            words={trans.__('To become a member of %1', '%1')}
            name={consortium}
          />
        ) : (
          trans.__('To become a member')
        )}
      </h2>
      <ol className="pht-Steps">
        <li>
          <p>
            {trans.__('Keep a backup of the key somewhere else than here.')}
          </p>
          <button className="jp-mod-styled" onClick={props.onBackup}>
            {trans.__('Download the backup')}
          </button>
        </li>
        <li>
          <p>{trans.__('Send the membership request to an officer.')}</p>
          <button
            className="jp-mod-styled jp-mod-accept"
            onClick={props.onRequest}
          >
            {trans.__('Download the request')}
          </button>
        </li>
        <li>
          <p>
            {trans.__(
              'Telephone, and compare the fingerprint. The officers then sign the roster, and ' +
                'this panel says so by itself.'
            )}
          </p>
        </li>
      </ol>
    </section>
  );
}
