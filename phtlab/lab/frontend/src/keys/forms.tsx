/**
 * The forms of the Keys panel: make, restore, change the passphrase, revoke.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { ServerError } from '../server/errors';
import { IKeyServer, IServerState } from '../server/interfaces';
import { Sentence } from '../text/name';
import { truncateMiddle } from '../text/untrusted';
import {
  FreshPassphrase,
  PassphraseField,
  TextField,
  useFreshPassphrase
} from './fields';
import { MAX_KEY_FILE_BYTES, base64 } from './file';
import { isMemberName, suggestMemberName } from './memberName';

export interface IFormProps {
  trans: TranslationBundle;
  server: IServerState & IKeyServer;
  /** Told what came of it, in a sentence. */
  onDone: (sentence: string) => void;
}

interface IForm {
  working: boolean;
  refusal: string | null;
  /** Which field is refused, as the server calls it. */
  field: string | null;
  /** Run `act`, unless `problem` has words against it. */
  submit: (
    problem: string | null,
    act: () => Promise<string>
  ) => (event: React.FormEvent) => void;
}

function useForm({ trans, onDone }: IFormProps): IForm {
  const [working, setWorking] = React.useState(false);
  const [refusal, setRefusal] = React.useState<string | null>(null);
  const [field, setField] = React.useState<string | null>(null);
  const run = async (problem: string | null, act: () => Promise<string>) => {
    setField(null);
    setRefusal(problem);
    if (problem !== null) {
      return;
    }
    setWorking(true);
    try {
      const sentence = await act();
      setWorking(false);
      onDone(sentence);
    } catch (error) {
      setWorking(false);
      const problem = error instanceof ServerError ? error.problem : null;
      setField(problem?.field ?? problem?.code ?? null);
      setRefusal(
        problem?.message ??
          trans.__('This did not work. Nothing was changed; try again.')
      );
    }
  };
  return {
    working,
    refusal,
    field,
    submit: (problem, act) => event => {
      event.preventDefault();
      if (!working) {
        void run(problem, act);
      }
    }
  };
}

/** The end of each form: what is under way or went wrong, and the button. */
function FormEnd(props: {
  trans: TranslationBundle;
  form: IForm;
  label: string;
  working: string;
  kind?: 'accept' | 'warn';
  disabled?: boolean;
}): JSX.Element {
  const { form } = props;
  return (
    <>
      <div role="status" className="pht-FormWords">
        {form.working && (
          <>
            <div className="pht-Working" aria-hidden="true" />
            {props.working}
          </>
        )}
        {!form.working && form.refusal && (
          <span className="pht-Refused">
            <span aria-hidden="true">✗ </span>
            {form.refusal}
          </span>
        )}
      </div>
      <div className="pht-Actions">
        <button
          type="submit"
          className={`jp-mod-styled jp-mod-${props.kind ?? 'accept'}`}
          disabled={form.working || props.disabled}
        >
          {props.label}
        </button>
      </div>
    </>
  );
}

const trimmed = (field: React.RefObject<HTMLInputElement>): string =>
  field.current?.value.trim() ?? '';
const typed = (field: React.RefObject<HTMLInputElement>): string =>
  field.current?.value ?? '';
const emptied = (...fields: React.RefObject<HTMLInputElement>[]): void => {
  for (const field of fields) {
    if (field.current) {
      field.current.value = '';
    }
  }
};

export function CreateForm(props: IFormProps): JSX.Element {
  const { trans, server } = props;
  const form = useForm(props);
  const name = React.useRef<HTMLInputElement>(null);
  const organisation = React.useRef<HTMLInputElement>(null);
  const fresh = useFreshPassphrase(trans);
  const [badName, setBadName] = React.useState(false);

  const onSubmit = (event: React.FormEvent) => {
    const memberName = trimmed(name);
    const bad = !isMemberName(memberName);
    setBadName(bad);
    if (bad) {
      name.current?.focus();
    }
    const problem = bad
      ? trans.__(
          'A name has 2 to 63 characters of a-z, 0-9 and "-", and starts with a letter.'
        )
      : fresh.problem();
    form.submit(problem, async () => {
      await server.createKey(
        memberName,
        trimmed(organisation),
        typed(fresh.first)
      );
      fresh.clear();
      return trans.__(
        'Your key is made. Three things remain to be done; they are listed here.'
      );
    })(event);
  };
  return (
    <form className="pht-Form" onSubmit={onSubmit} autoComplete="off">
      <TextField
        label={trans.__('Your name on the roster')}
        field={name}
        initial={suggestMemberName(server.status?.user ?? null)}
        wrong={badName || form.field === 'name'}
        maxLength={63}
        required
        code
        hint={trans.__(
          'Everyone in the consortium sees it. On a hub, take your user name.'
        )}
      />
      <TextField
        label={trans.__('Organisation')}
        field={organisation}
        maxLength={128}
        wrong={form.field === 'organisation'}
        hint={trans.__(
          'As others know it, such as "University Hospital Bonn".'
        )}
      />
      <FreshPassphrase
        trans={trans}
        fresh={fresh}
        name={() => trimmed(name)}
        label={trans.__('Passphrase')}
      />
      <FormEnd
        trans={trans}
        form={form}
        label={trans.__('Make the key')}
        working={trans.__(
          'Making the key, and sealing it with the passphrase…'
        )}
      />
    </form>
  );
}

export function RestoreForm(props: IFormProps): JSX.Element {
  const { trans, server } = props;
  const form = useForm(props);
  const file = React.useRef<HTMLInputElement>(null);
  const passphrase = React.useRef<HTMLInputElement>(null);
  const id = React.useId();
  const onSubmit = (event: React.FormEvent) => {
    const chosen = file.current?.files?.[0];
    const problem = !chosen
      ? trans.__('Choose the key file, NAME.key.age.')
      : chosen.size > MAX_KEY_FILE_BYTES
        ? trans.__(
            'This file is too large to be a key file, which ends in .key.age.'
          )
        : !typed(passphrase)
          ? trans.__('Type the passphrase of the key file.')
          : null;
    form.submit(problem, async () => {
      const bytes = new Uint8Array(await chosen!.arrayBuffer());
      const key = await server.restoreKey(base64(bytes), typed(passphrase));
      emptied(passphrase, file);
      return trans.__('The key of %1 is back.', truncateMiddle(key.name, 64));
    })(event);
  };
  return (
    <form className="pht-Form" onSubmit={onSubmit} autoComplete="off">
      <div className="pht-Field">
        <label htmlFor={id}>{trans.__('Key file')}</label>
        <input
          id={id}
          ref={file}
          type="file"
          accept=".age"
          aria-describedby={`${id}-hint`}
        />
        <div id={`${id}-hint`} className="pht-Hint">
          {trans.__('The backup, NAME.key.age. It is sent sealed, as it is.')}
        </div>
      </div>
      <PassphraseField
        label={trans.__('Its passphrase')}
        field={passphrase}
        wrong={form.field === 'passphrase'}
      />
      <FormEnd
        trans={trans}
        form={form}
        label={trans.__('Restore the key')}
        working={trans.__('Opening the key file…')}
      />
    </form>
  );
}

export function PassphraseForm(props: IFormProps): JSX.Element {
  const { trans, server } = props;
  const form = useForm(props);
  const old = React.useRef<HTMLInputElement>(null);
  const fresh = useFreshPassphrase(trans);
  const onSubmit = (event: React.FormEvent) => {
    const problem = typed(old)
      ? fresh.problem()
      : trans.__('Type the passphrase of today.');
    form.submit(problem, async () => {
      await server.changePassphrase(typed(old), typed(fresh.first));
      emptied(old);
      fresh.clear();
      return trans.__(
        'The key has its new passphrase. Backups made before open with the old one: make a new ' +
          'backup, and delete them.'
      );
    })(event);
  };
  return (
    <form className="pht-Form" onSubmit={onSubmit} autoComplete="off">
      <PassphraseField
        label={trans.__('Passphrase of today')}
        field={old}
        wrong={form.field === 'passphrase' || form.field === 'old'}
      />
      <FreshPassphrase
        trans={trans}
        fresh={fresh}
        name={() => server.status?.key.name ?? ''}
        label={trans.__('New passphrase')}
      />
      <FormEnd
        trans={trans}
        form={form}
        label={trans.__('Change the passphrase')}
        working={trans.__('Opening the key, and sealing it anew…')}
      />
    </form>
  );
}

export function RevokeForm(props: IFormProps & { name: string }): JSX.Element {
  const { trans, server, name } = props;
  const form = useForm(props);
  const passphrase = React.useRef<HTMLInputElement>(null);
  const reason = React.useRef<HTMLInputElement>(null);
  const confirmation = React.useRef<HTMLInputElement>(null);
  const [confirmed, setConfirmed] = React.useState(false);
  const onSubmit = (event: React.FormEvent) => {
    const problem = !trimmed(reason)
      ? trans.__('Give the officers a reason, such as "the laptop was lost".')
      : !typed(passphrase)
        ? trans.__('Type the passphrase: the removal request is signed.')
        : null;
    form.submit(problem, async () => {
      const made = await server.revokeKey(typed(passphrase), trimmed(reason));
      emptied(passphrase, reason, confirmation);
      return trans.__(
        'The key is set aside here. Send the removal request %1 to an officer: only the next ' +
          'roster ends the key everywhere.',
        truncateMiddle(made.path, 200)
      );
    })(event);
  };
  return (
    <form className="pht-Form" onSubmit={onSubmit} autoComplete="off">
      <ul className="pht-Consequences">
        <li>
          {trans.__(
            'A signed request to remove you from the roster is written for the officers. The key ' +
              'counts until they have signed the next roster: if it was stolen, telephone them now.'
          )}
        </li>
        <li>
          {trans.__(
            'Results that were sealed to this key cannot be opened here any more. Export what ' +
              'you need before.'
          )}
        </li>
        <li>
          {trans.__(
            'Journeys under way go on. Cancel them before, if they should not.'
          )}
        </li>
        <li>
          {trans.__(
            'The key file is moved aside and not deleted: with a backup and the passphrase it ' +
              'can still open old results.'
          )}
        </li>
      </ul>
      <TextField
        label={trans.__('Reason, for the officers')}
        field={reason}
        maxLength={500}
        required
        wrong={form.field === 'reason'}
      />
      <PassphraseField
        label={trans.__('Passphrase')}
        field={passphrase}
        wrong={form.field === 'passphrase'}
      />
      <TextField
        label={
          <Sentence
            words={trans.__('To confirm, type the name of the key: %1', '%1')}
            name={name}
          />
        }
        field={confirmation}
        required
        code
        onInput={() => setConfirmed(trimmed(confirmation) === name)}
      />
      <FormEnd
        trans={trans}
        form={form}
        label={trans.__('Revoke the key')}
        working={trans.__('Signing the removal request…')}
        kind="warn"
        disabled={!confirmed}
      />
    </form>
  );
}
