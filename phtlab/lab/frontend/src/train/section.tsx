/**
 * A section of the Train panel that folds, and the banners above all sections.
 */
import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Name, SENTENCE_LIMIT } from '../text/name';
import { ITrainPanel } from '../tokens';
import { IBanner, Remedy } from './bannerRules';

const MARKS = { warning: '!', note: 'i' };

export interface ISectionProps {
  /** Tells sections apart, also in what is remembered. */
  name: string;
  title: string;
  /** Beside the title, such as how many there are. */
  note?: string;
  model: ITrainPanel;
  children: React.ReactNode;
}

export function Section(props: ISectionProps): JSX.Element {
  const { name, title, note, model } = props;
  const open = model.isOpen(name);
  const id = `pht-section-${name}`;
  const Caret = open ? caretDownIcon : caretRightIcon;
  return (
    <section className="pht-Section" aria-labelledby={`${id}-title`}>
      <h2 className="pht-Section-heading">
        <button
          id={`${id}-title`}
          className="pht-Section-title"
          aria-expanded={open}
          aria-controls={id}
          onClick={() => model.setOpen(name, !open)}
        >
          <Caret.react tag="span" className="pht-Caret" />
          <span className="pht-Section-label">{title}</span>
          {note && <span className="pht-Section-note">{note}</span>}
        </button>
      </h2>
      <div id={id} className="pht-Section-body" hidden={!open}>
        {open && props.children}
      </div>
    </section>
  );
}

export function Banners(props: {
  banners: IBanner[];
  onRemedy: (action: Remedy) => void;
}): JSX.Element {
  return (
    <div className="pht-Banners" role="status">
      {props.banners.map(({ kind, tone, text, remedy }) => (
        <div key={kind} className={`pht-Banner pht-mod-${tone}`}>
          <span className="pht-Banner-mark" aria-hidden="true">
            {MARKS[tone]}
          </span>
          <div>
            <Name text={text} limit={SENTENCE_LIMIT} />
            {remedy && (
              <button
                className="pht-Link"
                onClick={() => props.onRemedy(remedy.action)}
              >
                {remedy.label}
              </button>
            )}
          </div>
        </div>
      ))}
    </div>
  );
}
