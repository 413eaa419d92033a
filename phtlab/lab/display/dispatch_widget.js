/**
 * The question whether a cell's train is to be sent. Loaded by anywidget from the kernel.
 *
 * JupyterLab shows it as a dialog, once by itself; where nothing does, the button here sends.
 * What others wrote only ever becomes text, never markup.
 */

const ASK_DISPATCH = 'phtlab:ask-dispatch';

function make(tag, name, text = '', attributes = {}) {
  const node = document.createElement(tag);
  node.className = `pht-journey-${name}`;
  node.textContent = text;
  for (const [key, value] of Object.entries(attributes)) {
    node.setAttribute(key, value);
  }
  return node;
}

function render({ model, el }) {
  const question = model.get('question');
  const root = make('section', 'map', '', { 'aria-label': `Send ${question.name}?` });
  root.dataset.question = 'dispatch';
  const head = make('header', 'head');
  const name = make('bdi', 'name', question.name);
  name.title = question.title;
  const state = make('span', 'summary', '', { role: 'status' });
  head.append(name, state);
  const lines = make('div', 'lines');
  for (const [label, words] of question.lines) {
    lines.append(make('span', 'of', label), make('bdi', 'told', words));
  }
  const notice = make('p', 'notice', '', { role: 'alert' });
  const feet = make('footer', 'feet');
  const send = make('button', 'button pht-mod-accept', 'Send…', { type: 'button' });
  const hint = make('span', 'of', 'Then run the cells below.');
  feet.append(send, hint);
  root.append(head, lines, notice, feet);
  el.append(root);

  const answer = () => {
    if (model.get('state') === 'asking') {
      model.send({ do: 'send' });
    }
  };
  /** Whether the page asks. */
  const ask = () =>
    !window.dispatchEvent(
      new CustomEvent(ASK_DISPATCH, { detail: { question, answer }, cancelable: true })
    );

  function show() {
    const now = model.get('state');
    root.dataset.state = now;
    state.textContent = {
      asking: 'not sent yet',
      sending: 'signing and sending…',
      sent: 'sent'
    }[now];
    notice.textContent = model.get('notice');
    notice.hidden = !notice.textContent;
    feet.hidden = now !== 'asking';
  }

  send.addEventListener('click', () => {
    if (!ask()) {
      answer();
    }
  });
  model.on('change:state', show);
  model.on('change:notice', show);
  show();

  // Once, whatever the number of views, and not again when the page is loaded anew.
  if (model.get('state') === 'asking' && !model.get('asked')) {
    model.set('asked', true);
    model.save_changes();
    ask();
  }
  return () => {
    model.off('change:state', show);
    model.off('change:notice', show);
  };
}

export default { render };
