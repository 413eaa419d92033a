/* Built from phtlab/lab/frontend/src/widgets/dispatch.ts by `jlpm widgets`: change that, not this file. */
var __webpack_require__ = {};
(() => {
  __webpack_require__.d = (exports, getters, values) => {
    var define = (defs, kind) => {
      for (var key in defs)
        if (
          __webpack_require__.o(defs, key) &&
          !__webpack_require__.o(exports, key)
        )
          Object.defineProperty(exports, key, {
            enumerable: true,
            [kind]: defs[key]
          });
    };
    define(getters, 'get');
    define(values, 'value');
  };
})();
(() => {
  __webpack_require__.o = (obj, prop) =>
    Object.prototype.hasOwnProperty.call(obj, prop);
})();
var __webpack_exports__ = {};
__webpack_require__.d(__webpack_exports__, { default: () => dispatch });
function makeElement(tag, name, text = '', attributes = {}) {
  const element = document.createElement(tag);
  element.className = `pht-journey-${name}`;
  element.textContent = text;
  for (const [key, value] of Object.entries(attributes))
    element.setAttribute(key, value);
  return element;
}
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
  element.hidden = '' === text;
}
function onChange(model, traits, callback) {
  traits.forEach(trait => model.on(`change:${trait}`, callback));
  return () => traits.forEach(trait => model.off(`change:${trait}`, callback));
}
function dispatchToPage(type, detail) {
  return !window.dispatchEvent(
    new CustomEvent(type, { detail, cancelable: true })
  );
}
const STATES = {
  asking: 'not sent yet',
  sending: 'signing and sending…',
  sent: 'sent'
};
function render({ model, el }) {
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
  for (const [label, text] of question.lines)
    lines.append(
      makeElement('span', 'of', label),
      makeElement('bdi', 'told', text)
    );
  const notice = makeElement('p', 'notice', '', { role: 'alert' });
  const feet = makeElement('footer', 'feet');
  const send = makeElement('button', 'button pht-mod-accept', 'Send…', {
    type: 'button'
  });
  feet.append(send, makeElement('span', 'of', 'Then run the cells below.'));
  root.append(head, lines, notice, feet);
  const answer = () => {
    if ('asking' === model.get('state')) model.send({ do: 'send' });
  };
  const ask = () => dispatchToPage('phtlab:ask-dispatch', { question, answer });
  const show = () => {
    const state = model.get('state');
    root.dataset.state = state;
    setText(summary, STATES[state]);
    setText(notice, model.get('notice'));
    feet.hidden = 'asking' !== state;
  };
  send.addEventListener('click', () => {
    if (!ask()) answer();
  });
  show();
  el.append(root);
  const stop = onChange(model, ['state', 'notice'], show);
  if ('asking' === model.get('state') && !model.get('dialog_opened')) {
    model.set('dialog_opened', true);
    model.save_changes();
    ask();
  }
  return stop;
}
const dispatch = { render };
var __webpack_exports__default = __webpack_exports__['default'];
export { __webpack_exports__default as default };
