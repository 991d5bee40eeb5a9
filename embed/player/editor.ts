/**
 * The Python editor, a bundle of its own that is loaded when a reader opens a source. It lives in a
 * shadow root: its styles go into adopted sheets, so no style element is needed, and Material's
 * navigation, which clears the head of the document, cannot take them away.
 */

import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import {
  bracketMatching,
  HighlightStyle,
  indentOnInput,
  syntaxHighlighting,
} from "@codemirror/language";
import { EditorState, StateEffect, StateField } from "@codemirror/state";
import {
  Decoration,
  drawSelection,
  EditorView,
  highlightActiveLine,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";

export interface Editor {
  value: string;
  /** Mark a line as wrong and go there; null unmarks. */
  mark(line: number | null): void;
  focus(): void;
  destroy(): void;
}

export interface Wishes {
  readonly label: string;
  readonly text: string;
  edited(): void;
  run(): void;
}

const wrong = StateEffect.define<number | null>();
const wrongLine = StateField.define({
  create: () => Decoration.none,
  update(marks, change) {
    let next = change.docChanged ? Decoration.none : marks;
    for (const effect of change.effects) {
      if (!effect.is(wrong)) continue;
      const line = effect.value;
      next =
        line === null || line < 1 || line > change.state.doc.lines
          ? Decoration.none
          : Decoration.set(
              Decoration.line({ class: "cm-wrong" }).range(change.state.doc.line(line).from),
            );
    }
    return next;
  },
  provide: (field) => EditorView.decorations.from(field),
});

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--md-code-hl-keyword-color)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--md-code-hl-string-color)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--md-code-hl-number-color)" },
  { tag: [tags.comment, tags.docString], color: "var(--md-code-hl-comment-color)" },
  {
    tag: [tags.function(tags.definition(tags.variableName)), tags.definition(tags.className)],
    color: "var(--md-code-hl-function-color)",
  },
  { tag: tags.operator, color: "var(--md-code-hl-operator-color)" },
]);

const selection = { backgroundColor: "color-mix(in srgb, var(--accent) 30%, transparent)" };

const look = EditorView.theme({
  "&": { color: "var(--md-code-fg-color)", backgroundColor: "var(--md-code-bg-color)" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "1px" },
  ".cm-scroller": {
    fontFamily: "var(--md-code-font-family, monospace)",
    fontSize: "13px",
    lineHeight: "1.5",
    maxHeight: "min(70vh, 36rem)",
    overflow: "auto",
  },
  ".cm-gutters": {
    color: "var(--soft)",
    backgroundColor: "transparent",
    border: "none",
    paddingLeft: "4px",
  },
  ".cm-activeLine": { backgroundColor: "var(--hairline)" },
  ".cm-cursor": { borderLeftColor: "var(--md-code-fg-color)" },
  ".cm-selectionBackground": selection,
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": selection,
  ".cm-wrong": { backgroundColor: "var(--wrong)" },
});

function open(host: HTMLElement, wishes: Wishes): Editor {
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  const fresh = (text: string): EditorState =>
    EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(),
        history(),
        drawSelection(),
        indentOnInput(),
        bracketMatching(),
        highlightActiveLine(),
        python(),
        syntaxHighlighting(colours),
        wrongLine,
        look,
        keymap.of([
          { key: "Mod-Enter", run: () => (wishes.run(), true) },
          ...defaultKeymap,
          ...historyKeymap,
        ]),
        EditorView.contentAttributes.of({ "aria-label": wishes.label }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) wishes.edited();
        }),
      ],
    });
  const view = new EditorView({ root, parent: root, state: fresh(wishes.text) });
  return {
    get value() {
      return view.state.doc.toString();
    },
    set value(text) {
      view.setState(fresh(text));
    },
    mark(line) {
      view.dispatch({ effects: wrong.of(line) });
      if (line === null || line < 1 || line > view.state.doc.lines) return;
      const { from } = view.state.doc.line(line);
      view.dispatch({
        selection: { anchor: from },
        effects: EditorView.scrollIntoView(from, { y: "center" }),
      });
      view.focus();
    },
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  };
}

export type Open = typeof open;

(globalThis as { simEditor?: Open }).simEditor = open;
