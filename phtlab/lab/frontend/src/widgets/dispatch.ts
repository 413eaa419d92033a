/**
 * The widget that asks whether a cell's train is to be sent.
 *
 * JupyterLab shows it as a dialog, once by itself; where nothing does, the button here sends. The
 * kernel sends this module; it fetches nothing.
 */
import { makeElement, setText } from '../components/elements';
import { IRenderContext, dispatchToPage, onChange } from './model';

type State = 'asking' | 'sending' | 'sent';

interface ITraits {
  question: {
    name: string;
    title: string;
    /** Labels and what stands beside them. */
    lines: [string, string][];
  };
  state: State;
  notice: string;
  /** Whether a page has shown its dialog. */
  dialog_opened: boolean;
}

const STATES: { [state in State]: string } = {
  asking: 'not sent yet',
  sending: 'signing and sending…',
  sent: 'sent'
};

function render({ model, el }: IRenderContext<ITraits>): () => void {
  const question = model.get('question');
  const root = makeElement('section', 'map', '', {
    'aria-label': `Send ${question.name}?`
  });
  root.dataset.question = 'dispatch';
  const head = makeElement('header', 'head');
  const name = makeElement('bdi', 'name', question.name);
  name.title = question.title;
  const summary = makeElement('span', 'summary', '', { role: 'status' });
  head.append(name, summary);
  const lines = makeElement('div', 'lines');
  for (const [label, text] of question.lines) {
    lines.append(
      makeElement('span', 'of', label),
      makeElement('bdi', 'told', text)
    );
  }
  const notice = makeElement('p', 'notice', '', { role: 'alert' });
  const feet = makeElement('footer', 'feet');
  const send = makeElement('button', 'button pht-mod-accept', 'Send…', {
    type: 'button'
  });
  feet.append(send, makeElement('span', 'of', 'Then run the cells below.'));
  root.append(head, lines, notice, feet);

  const answer = () => {
    if (model.get('state') === 'asking') {
      model.send({ do: 'send' });
    }
  };
  /** Whether the page asks. */
  const ask = () => dispatchToPage('phtlab:ask-dispatch', { question, answer });

  const show = () => {
    const state = model.get('state');
    root.dataset.state = state;
    setText(summary, STATES[state]);
    setText(notice, model.get('notice'));
    feet.hidden = state !== 'asking';
  };
  send.addEventListener('click', () => {
    if (!ask()) {
      answer();
    }
  });
  show();
  el.append(root);
  const stop = onChange(model, ['state', 'notice'], show);

  // Once, whatever the number of views, and not again when the page is loaded anew.
  if (model.get('state') === 'asking' && !model.get('dialog_opened')) {
    model.set('dialog_opened', true);
    model.save_changes();
    ask();
  }
  return stop;
}

export default { render };
