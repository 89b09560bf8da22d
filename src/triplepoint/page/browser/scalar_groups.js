// Scalars that belong in one chart: the same quantity of several data sets. Losses first, then accuracies.

const SETS = new Set(["train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval", "evaluation", "holdout"]);

/** The words of a name: train_loss, train/loss and train.loss are the same two. */
function words(name) {
  return name.toLowerCase().split(/[_/.\-:\s]+/).filter(Boolean);
}

/** The quantity that a name is about, without the data set. */
export function quantity(name) {
  const kept = words(name).filter((word) => !SETS.has(word));
  return kept.length ? kept.join(" ") : name;
}

/** Whether a scalar is of the data that is trained on; null where the name does not say. */
export function ofTraining(name) {
  const sets = words(name).filter((word) => SETS.has(word));
  return sets.length ? sets[0].startsWith("train") : null;
}

const ORDER = ["loss", "accuracy", "other"];

/** [{title, kind, names}]; kind: loss, accuracy (all values from 0 to 1) or other. */
export function groups(scalars) {
  const found = new Map();
  for (const [name, scalar] of scalars) {
    const title = quantity(name);
    if (!found.has(title)) found.set(title, { title, kind: "other", names: [], within: true });
    const group = found.get(title);
    group.names.push(name);
    if (group.within) group.within = scalar.values.values.every((value) => !(value < 0 || value > 1));
  }
  for (const group of found.values()) {
    if (/(^| )(loss|nll|perplexity|ppl)( |$)/.test(group.title)) group.kind = "loss";
    else if (/(^| )(acc|accuracy|auc|f1|precision|recall)( |$)/.test(group.title) && group.within) group.kind = "accuracy";
    group.names.sort((one, other) => (ofTraining(other) === true) - (ofTraining(one) === true));
  }
  return [...found.values()].sort((one, other) => ORDER.indexOf(one.kind) - ORDER.indexOf(other.kind));
}
