/**
 * The widget of a journey, for JupyterLab, VS Code and wherever else anywidget is. The kernel sends
 * this module; it fetches nothing.
 */
import { IRouteMap } from '../journeys/routeMap';
import { JourneyView } from '../journeys/view';
import { IRenderContext, dispatchToPage, onChange } from './model';
import { plainText } from './plainText';

/** How often times are shown anew. */
const INTERVAL = 1000; // ms

interface ITraits {
  route: IRouteMap;
  connection: 'live' | 'lost' | 'over';
  notice: string;
}

function render({ model, el }: IRenderContext<ITraits>): () => void {
  // What to do where nothing in the page does it.
  let advice = '';
  const view = new JourneyView({
    trans: plainText,
    actions: {
      openCell: ({ id }, { cell, line }) => {
        if (!dispatchToPage('phtlab:open-cell', { cell, line, journey: id })) {
          advice = `It is cell ${cell}, counted from the top of the notebook.`;
          showNotice();
        }
      },
      openResults: ({ id, done }) => {
        if (!dispatchToPage('phtlab:open-results', { journey: id })) {
          const call = `phtlab.results(${done ? '' : 'partial=True'})`;
          advice = `In Python: ${call} opens them.`;
          showNotice();
        }
      },
      cancel: () => model.send({ do: 'cancel' }),
      finish: () => model.send({ do: 'finish' })
    }
  });

  const showNotice = () => {
    const connection = model.get('connection');
    const reason = model.get('notice');
    view.connection = connection;
    let notice = reason;
    if (connection === 'lost') {
      notice = `Connection lost; this is the state of before. Trying again. ${reason}`;
    } else if (connection === 'over' && reason) {
      notice = `No longer live. ${reason}`;
    }
    view.notify(notice || advice);
  };
  const showRoute = () => view.update(model.get('route'));

  showRoute();
  showNotice();
  el.append(view.node);
  const stop = [
    onChange(model, ['route'], showRoute),
    onChange(model, ['connection', 'notice'], showNotice)
  ];
  const clock = window.setInterval(() => view.tick(), INTERVAL);
  return () => {
    window.clearInterval(clock);
    stop.forEach(each => each());
  };
}

export default { render };
