/**
 * The fields of the Keys panel's forms. Passphrases are in their fields, never in a state.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { IStrength, passphraseStrength } from './passphrase';

type Field = React.RefObject<HTMLInputElement>;

export function TextField(props: {
  label: React.ReactNode;
  hint?: React.ReactNode;
  field: Field;
  initial?: string;
  wrong?: boolean;
  maxLength?: number;
  required?: boolean;
  code?: boolean;
  onInput?: () => void;
}): JSX.Element {
  const id = React.useId();
  return (
    <div className="pht-Field">
      <label htmlFor={id}>{props.label}</label>
      <input
        id={id}
        ref={props.field}
        className={
          'jp-mod-styled' +
          (props.code ? ' pht-mod-code' : '') +
          (props.wrong ? ' pht-mod-wrong' : '')
        }
        type="text"
        defaultValue={props.initial}
        maxLength={props.maxLength}
        autoComplete="off"
        spellCheck={false}
        aria-invalid={props.wrong ?? false}
        aria-required={props.required ?? false}
        aria-describedby={props.hint ? `${id}-hint` : undefined}
        onInput={props.onInput}
      />
      {props.hint && (
        <div id={`${id}-hint`} className="pht-Hint">
          {props.hint}
        </div>
      )}
    </div>
  );
}

export function PassphraseField(props: {
  label: string;
  hint?: React.ReactNode;
  field: Field;
  wrong?: boolean;
  onInput?: () => void;
}): JSX.Element {
  const id = React.useId();
  return (
    <div className="pht-Field">
      <label htmlFor={id}>{props.label}</label>
      <input
        id={id}
        ref={props.field}
        className={'jp-mod-styled' + (props.wrong ? ' pht-mod-wrong' : '')}
        type="password"
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        aria-invalid={props.wrong ?? false}
        aria-required
        aria-describedby={props.hint ? `${id}-hint` : undefined}
        data-1p-ignore="true"
        data-lpignore="true"
        onInput={props.onInput}
      />
      {props.hint && (
        <div id={`${id}-hint`} className="pht-Hint" aria-live="polite">
          {props.hint}
        </div>
      )}
    </div>
  );
}

export interface IFreshPassphrase {
  first: Field;
  second: Field;
  /** What is wrong with it, in words; null if it can be used. */
  problem: () => string | null;
  clear: () => void;
}

export function useFreshPassphrase(trans: TranslationBundle): IFreshPassphrase {
  const first = React.useRef<HTMLInputElement>(null);
  const second = React.useRef<HTMLInputElement>(null);
  return {
    first,
    second,
    problem: () => {
      const chosen = first.current?.value ?? '';
      if (passphraseStrength(chosen, '', trans).level === 0) {
        first.current?.focus();
        return trans.__(
          'The passphrase is %1',
          passphraseStrength(chosen, '', trans).advice
        );
      }
      if (chosen !== second.current?.value) {
        second.current?.focus();
        return trans.__('The two passphrases differ. Type the same twice.');
      }
      return null;
    },
    clear: () => {
      for (const field of [first.current, second.current]) {
        if (field) {
          field.value = '';
        }
      }
    }
  };
}

/** A new passphrase, twice, with how strong it is in words. */
export function FreshPassphrase(props: {
  trans: TranslationBundle;
  fresh: IFreshPassphrase;
  name: () => string;
  label: string;
}): JSX.Element {
  const { trans, fresh } = props;
  const [strength, setStrength] = React.useState<IStrength | null>(null);
  const [same, setSame] = React.useState<boolean | null>(null);
  const check = () => {
    const chosen = fresh.first.current?.value ?? '';
    const again = fresh.second.current?.value ?? '';
    setStrength(
      chosen ? passphraseStrength(chosen, props.name(), trans) : null
    );
    setSame(again ? again === chosen : null);
  };
  return (
    <>
      <PassphraseField
        label={props.label}
        field={fresh.first}
        onInput={check}
        hint={
          strength ? (
            <span className="pht-Strength" data-level={strength.level}>
              <span className="pht-Strength-bar" aria-hidden="true">
                <span />
                <span />
                <span />
              </span>
              <span>{strength.advice}</span>
            </span>
          ) : (
            trans.__(
              'At least 12 characters. Four or five random words are good. Nobody can recover it.'
            )
          )
        }
      />
      <PassphraseField
        label={trans.__('The same again')}
        field={fresh.second}
        onInput={check}
        wrong={same === false}
        hint={
          same === null
            ? undefined
            : same
              ? trans.__('✓ the same')
              : trans.__('not the same yet')
        }
      />
    </>
  );
}
