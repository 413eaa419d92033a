/**
 * The panel of a first visit: three lines of explanation and a button for the tutorial.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { routeIcon } from '../components/icons';

export interface IWelcomeProps {
  trans: TranslationBundle;
  onTutorial: () => void;
}

/** What an empty panel shows. */
export function Welcome({ trans, onTutorial }: IWelcomeProps): JSX.Element {
  return (
    <section
      className="pht-Welcome"
      aria-label={trans.__('Welcome to federated analysis')}
    >
      <routeIcon.react tag="div" className="pht-Welcome-icon" aria-hidden />
      <ol className="pht-Welcome-lines">
        <li>
          {trans.__(
            'Write a notebook, and mark which cells run here and which travel.'
          )}
        </li>
        <li>
          {trans.__(
            'Send it to the stations: it runs where the data are, and the data stay.'
          )}
        </li>
        <li>
          {trans.__(
            'Open here what each station let out, verified, and plot it.'
          )}
        </li>
      </ol>
      <button className="jp-mod-styled jp-mod-accept" onClick={onTutorial}>
        {trans.__('Open the tutorial')}
      </button>
    </section>
  );
}
