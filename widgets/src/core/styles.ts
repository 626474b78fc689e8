// The style sheets of all parts, as one text. Each part keeps its rules beside its code and adds its line here.

import shell from "../style.css";

export const styles = [shell].join("\n");
