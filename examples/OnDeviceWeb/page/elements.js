/** Makes elements. Text is only ever set as text. */

const SVG = "http://www.w3.org/2000/svg";

const fill = (node, attributes, children) => {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) {
      node.setAttribute(name, value);
    }
  }

  node.append(...children);
  return node;
};

/** @returns {HTMLElement} */
export const element = (name, attributes = {}, ...children) => fill(document.createElement(name), attributes, children);

/** @returns {SVGElement} */
export const shape = (name, attributes = {}, ...children) => fill(document.createElementNS(SVG, name), attributes, children);

export const find = (id) => document.getElementById(id);
