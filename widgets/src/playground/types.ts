// The words that the parts of the playground share. `Settings` and `Choices` are written by playground_settings.py.

export interface Layer {
  neurons: number;
  activation: string;
  dropout: number;
}

export interface Settings {
  kind: "points" | "digits";
  data: string;
  features: string[];
  layers: Layer[];
  loss: string;
  optimizer: string;
  learning_rate: number;
  regularizer: string;
  regularization: number;
  initializer: string;
  batch_size: number;
  noise: number;
  examples: number;
  train_share: number;
  speed: number;
  seed: number;
}

export interface Choices {
  limits: { layers: number; neurons: number; digit_neurons: number };
  data: Record<string, string[]>;
  features: Record<string, string[]>;
  losses: Record<string, string[]>;
  activations: string[];
  optimizers: string[];
  regularizers: string[];
  initializers: string[];
  presets: [name: string, title: string, kind: string][];
}

/** A neuron, an input or an output: `column` 0 holds the inputs, the last one the outputs. */
export interface Place {
  column: number;
  row: number;
}
