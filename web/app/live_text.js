// Placeholder until the branch of Markdown is merged.
export class LiveText {
  constructor(element) {
    this.element = element;
    this.element.classList.add("plain");
  }
  append(text) {
    this.element.append(text);
  }
  reset(text) {
    this.element.textContent = text;
  }
  finish(text) {
    this.element.textContent = text;
  }
}
