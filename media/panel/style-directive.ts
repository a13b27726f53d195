// `.style=${styled({ width: '3em', '--level': '2' })}` assigns through the style sheet object model. A `style`
// attribute, which lit's styleMap writes, is refused by the panels' content security policy.

import { noChange } from 'lit';
import { Directive, type DirectiveResult, type PropertyPart, directive } from 'lit/directive.js';

type Properties = Readonly<Record<string, string | number>>;

class StyledDirective extends Directive {
  private readonly set = new Map<string, string>();

  render(_properties: Properties): typeof noChange {
    return noChange;
  }

  override update(part: PropertyPart, [properties]: [Properties]): typeof noChange {
    const { style } = part.element as HTMLElement;
    for (const name of this.set.keys()) {
      if (name in properties) continue;
      style.removeProperty(name);
      this.set.delete(name);
    }
    for (const [name, value] of Object.entries(properties)) {
      const text = String(value);
      if (this.set.get(name) === text) continue;
      style.setProperty(name, text);
      this.set.set(name, text);
    }
    return noChange;
  }
}

/** Names as in a style sheet: `grid-template-columns`, `--size`. */
export const styled: (properties: Properties) => DirectiveResult = directive(StyledDirective);
