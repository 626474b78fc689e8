// The style sheets of all parts, as one text. Each part keeps its rules beside its code and adds its line here.

import shell from "../style.css";
import value from "./value.css";

export const styles = [shell, value].join("\n");
