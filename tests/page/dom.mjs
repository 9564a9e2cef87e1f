// As much of a document as our modules use, which counts how often each node was changed.

class Node {
  parent = null;
  changes = 0;
  remove() {
    if (this.parent) this.parent.drop(this);
  }
  replaceWith(...others) {
    const { parent } = this;
    parent.insert(parent.childNodes.indexOf(this), others);
    this.remove();
  }
  before(...others) {
    this.parent.insert(this.parent.childNodes.indexOf(this), others);
  }
}

class Text extends Node {
  constructor(data) {
    super();
    this.data = data;
  }
  appendData(more) {
    this.changes += 1;
    document.copied += this.data.length + more.length;
    this.data += more;
  }
  get length() {
    return this.data.length;
  }
  get textContent() {
    return this.data;
  }
}

class Element extends Node {
  childNodes = [];
  attributes = {};
  className = "";
  dir = "";
  classList = { add: (name) => (this.className += `${this.className && " "}${name}`) };
  constructor(tag) {
    super();
    this.tag = tag;
  }
  insert(at, others) {
    this.changes += 1;
    for (const other of others) {
      const nodes = other instanceof Fragment ? [...other.childNodes] : [typeof other === "string" ? new Text(other) : other];
      for (const node of nodes) {
        node.remove();
        node.parent = this;
        this.childNodes.splice(at, 0, node);
        at += 1;
      }
    }
  }
  drop(node) {
    this.changes += 1;
    this.childNodes.splice(this.childNodes.indexOf(node), 1);
    node.parent = null;
  }
  append(...others) {
    this.insert(this.childNodes.length, others);
  }
  replaceChildren(...others) {
    for (const node of [...this.childNodes]) node.remove();
    this.append(...others);
  }
  setAttribute(name, value) {
    this.changes += 1;
    this.attributes[name] = String(value);
  }
  get lastChild() {
    return this.childNodes.at(-1) ?? null;
  }
  get children() {
    return this.childNodes.filter((node) => node instanceof Element);
  }
  get textContent() {
    return this.childNodes.map((node) => node.textContent).join("");
  }
  set textContent(text) {
    this.replaceChildren(...(text ? [text] : []));
  }
  /** Every element below. */
  get all() {
    return this.children.flatMap((child) => [child, ...child.all]);
  }
  /** Every change to it and to what is below. */
  get allChanges() {
    return this.childNodes.reduce((sum, child) => sum + (child.allChanges ?? child.changes), this.changes);
  }
}

class Fragment extends Element {}

globalThis.document = {
  copied: 0,
  createElement: (tag) => new Element(tag),
  createTextNode: (text) => new Text(text),
  createDocumentFragment: () => new Fragment("#fragment"),
};
