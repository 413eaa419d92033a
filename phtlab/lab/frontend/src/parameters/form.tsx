/**
 * The form of a notebook's parameters, made from the schema that its parameters cell declares.
 *
 * Used by the train panel and by the dispatch dialog. What was typed is checked at each key, in
 * our words; nothing that the schema says is taken for HTML.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import { FormComponent, addIcon, closeIcon } from '@jupyterlab/ui-components';
import {
  ArrayFieldTemplateProps,
  BaseInputTemplateProps,
  FieldTemplateProps,
  FormContextType,
  ObjectFieldTemplateProps,
  RJSFSchema,
  RJSFValidationError,
  TemplatesType,
  UiSchema,
  ariaDescribedByIds,
  descriptionId,
  errorId,
  getInputProps,
  helpId
} from '@rjsf/utils';
import * as React from 'react';

import { IParameter, IParameters, IParameterValues } from '../server/api';
import { Name, SENTENCE_LIMIT } from '../text/name';
import {
  boundsText,
  checkParameters,
  formSchema,
  translateErrors,
  validator,
  valueText,
  withDefaults
} from './validation';

export interface IParametersFormProps {
  schema: IParameters;
  /** What has been given; parameters that are not in it have their default. */
  values: IParameterValues;
  /**
   * Called with all declared parameters, first as they stand when the form or its schema is new.
   * An emptied field is in `values` as undefined, and `valid` is false.
   */
  onChange: (values: IParameterValues, valid: boolean) => void;
  trans: TranslationBundle;
}

export function ParametersForm(props: IParametersFormProps): JSX.Element {
  const { schema, values, onChange, trans } = props;
  // The same schema in another object is no other form.
  const key = JSON.stringify(schema);
  const made = React.useMemo(() => shownSchema(schema, trans), [key]);
  const uiSchema = React.useMemo(() => uiSchemaOf(schema, trans), [key]);
  const prefix = React.useRef(`pht-parameters-${++forms}`).current;
  const whole = withDefaults(schema, values);
  // A field that nobody has been to is not yet wrong for being empty.
  const [visited, setVisited] = React.useState<ReadonlySet<string>>(new Set());

  const report = (now: IParameterValues) => {
    const complete = withDefaults(schema, now);
    onChange(
      complete,
      Object.keys(checkParameters(schema, complete, trans)).length === 0
    );
  };
  React.useEffect(() => {
    setVisited(new Set());
    report(values);
  }, [key]);

  if (Object.keys(schema.properties).length === 0) {
    return (
      <p className="pht-Parameters-none">
        {trans.__('This notebook declares no parameters.')}
      </p>
    );
  }
  const context: IContext = { schema, trans };
  return (
    <div className="pht-Parameters">
      <FormComponent
        schema={made}
        uiSchema={uiSchema as any}
        // No name of a parameter has a dot: an entry's id is nobody else's.
        idPrefix={prefix}
        idSeparator="."
        formData={whole as any}
        formContext={context}
        validator={validator as any}
        templates={TEMPLATES as any}
        liveValidate
        noHtml5Validate
        showErrorList={false}
        tagName="div"
        transformErrors={(errors: RJSFValidationError[]) =>
          translateErrors(schema, whole, errors, trans).filter(
            error =>
              error.name !== 'required' ||
              visited.has(String(error.params?.missingProperty))
          )
        }
        onBlur={id => setVisited(been => new Set([...been, stepsOf(id)[0]]))}
        onChange={event => report({ ...(event.formData as IParameterValues) })}
      />
    </div>
  );
}

let forms = 0;

interface IContext extends FormContextType {
  schema: IParameters;
  trans: TranslationBundle;
}

/** The parameter that the field with that id belongs to, and the entry if it is a list's. */
function stepsOf(id: string): string[] {
  return id.split('.').slice(1);
}

/** The form's schema, with our words for the two values of a boolean. */
function shownSchema(
  schema: IParameters,
  trans: TranslationBundle
): RJSFSchema {
  const made = formSchema(schema);
  for (const [name, declared] of Object.entries(schema.properties)) {
    if (declared.type === 'boolean' && !declared.enum) {
      Object.assign(made.properties![name], {
        enumNames: [trans.__('yes'), trans.__('no')]
      });
    }
  }
  return made;
}

function uiSchemaOf(schema: IParameters, trans: TranslationBundle): UiSchema {
  const ui: UiSchema = { 'ui:order': [...Object.keys(schema.properties), '*'] };
  for (const [name, declared] of Object.entries(schema.properties)) {
    ui[name] = {};
    if (declared.enum) {
      ui[name] = { 'ui:placeholder': trans.__('Choose…') };
    } else if (declared.type === 'boolean') {
      // A box that nobody ticked would look like an answer.
      ui[name] = {
        'ui:widget': 'select',
        'ui:placeholder': trans.__('Choose…')
      };
    }
  }
  return ui;
}

/** A parameter: its name, the field, what it takes, what it means, and what is wrong. */
function Field(props: FieldTemplateProps): JSX.Element {
  const { id, children, label, rawErrors, displayLabel } = props;
  const { schema, trans } = props.formContext as IContext;
  if (props.schema.type === 'object') {
    return <>{children}</>;
  }
  const [name, entry] = stepsOf(id);
  const declared = schema.properties[name];
  const isEntry = entry !== undefined;
  const isList = props.schema.type === 'array';
  const hints = isEntry ? [] : hintsOf(declared, props.formData, trans);
  const wrong = rawErrors?.[0];
  return (
    <div className={wrong ? 'pht-Parameter pht-mod-wrong' : 'pht-Parameter'}>
      {!isEntry &&
        (isList || !displayLabel ? (
          <div className="pht-Parameter-name" id={`${id}__title`}>
            {label}
          </div>
        ) : (
          <label className="pht-Parameter-name" htmlFor={id}>
            {label}
          </label>
        ))}
      <div className="pht-Parameter-field">
        {children}
        <span className="pht-Parameter-hint" id={helpId(id)}>
          {hints.join(trans.__(', '))}
        </span>
      </div>
      {!isEntry && declared.description && (
        <div className="pht-Parameter-description" id={descriptionId(id)}>
          <Name text={declared.description} limit={SENTENCE_LIMIT} />
        </div>
      )}
      <div className="pht-Parameter-problem" id={errorId(id)} role="status">
        {wrong}
      </div>
    </div>
  );
}

function hintsOf(
  declared: IParameter,
  value: unknown,
  trans: TranslationBundle
): string[] {
  const hints = [boundsText(declared, trans)];
  const fallback = declared.default;
  if (
    fallback !== undefined &&
    declared.type !== 'array' &&
    value !== fallback
  ) {
    hints.push(
      trans.__(
        'default %1',
        typeof fallback === 'boolean'
          ? fallback
            ? trans.__('yes')
            : trans.__('no')
          : valueText(fallback)
      )
    );
  }
  return hints.filter(hint => hint !== '');
}

function All(props: ObjectFieldTemplateProps): JSX.Element {
  return <>{props.properties.map(property => property.content)}</>;
}

function Input(props: BaseInputTemplateProps): JSX.Element {
  const { id, value, schema, options, type, rawErrors } = props;
  const known = getInputProps(schema, type, options);
  const isNumber = known.type === 'number';
  return (
    <input
      id={id}
      className="jp-mod-styled"
      type={known.type}
      step={isNumber ? (known.step ?? 'any') : undefined}
      min={isNumber ? known.min : undefined}
      max={isNumber ? known.max : undefined}
      value={value ?? ''}
      disabled={props.disabled || props.readonly}
      placeholder={props.placeholder}
      autoComplete="off"
      spellCheck={false}
      dir={isNumber ? undefined : 'auto'}
      aria-required={props.required}
      aria-invalid={!!rawErrors?.length}
      aria-label={props.hideLabel ? props.label : undefined}
      aria-describedby={ariaDescribedByIds(id)}
      onChange={({ target }) =>
        props.onChange(
          target.value === '' && isNumber ? undefined : target.value
        )
      }
      onBlur={({ target }) => props.onBlur(id, target.value)}
      onFocus={({ target }) => props.onFocus(id, target.value)}
    />
  );
}

function List(props: ArrayFieldTemplateProps): JSX.Element {
  const { trans } = props.formContext as IContext;
  return (
    <div
      className="pht-Parameter-list"
      role="group"
      aria-labelledby={`${props.idSchema.$id}__title`}
      aria-describedby={ariaDescribedByIds(props.idSchema.$id)}
    >
      {props.items.map(item => (
        <div key={item.key} className="pht-Parameter-entry">
          {item.children}
          <button
            type="button"
            className="jp-ToolbarButtonComponent pht-Parameter-remove"
            title={trans.__('Remove entry %1', item.index + 1)}
            aria-label={trans.__('Remove entry %1', item.index + 1)}
            onClick={item.onDropIndexClick(item.index)}
          >
            <closeIcon.react tag="span" elementSize="normal" />
          </button>
        </div>
      ))}
      {props.canAdd && (
        <button
          type="button"
          className="jp-mod-styled jp-mod-reject pht-Parameter-add"
          onClick={props.onAddClick}
        >
          <addIcon.react tag="span" elementSize="normal" />
          {trans.__('Add an entry')}
        </button>
      )}
    </div>
  );
}

const TEMPLATES: Partial<TemplatesType> = {
  FieldTemplate: Field,
  ObjectFieldTemplate: All,
  ArrayFieldTemplate: List,
  BaseInputTemplate: Input
};
