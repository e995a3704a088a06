// What can be shown: each measure is a part of a named whole, with five classes of it.
//
// The classes grow steadily darker, so that they can be told apart without seeing colours; blue-green where more is
// better, yellow to dark red where more means more to do. What has no value is never coloured as if it were zero.

const GOOD = ["#cdf2e0", "#85d7c4", "#32afb5", "#007e9f", "#20487a"];
const TO_DO = ["#f9eac2", "#f8c379", "#ed914c", "#cd5630", "#8c2c30"];

const SURVEY = "survey-submitted";

const COVERAGE_STEPS = [0.2, 0.4, 0.6, 0.8];
const OVERDUE_STEPS = [0.1, 0.25, 0.5, 0.75];

const surveyedPersons = { label: "surveyedPersons", says: "wholeSurveyed" };
const need = (name, steps) => ({
  streams: [SURVEY],
  colours: TO_DO,
  steps,
  numerator: "persons",
  none: "none",
  part: (figures) => figures[name],
  whole: (figures) => ({ value: figures.persons, ...surveyedPersons }),
});
const doses = (name) => ({
  streams: [SURVEY],
  colours: GOOD,
  steps: COVERAGE_STEPS,
  numerator: "persons",
  none: "none",
  choosesWhole: true,
  part: (figures) => figures[name],
  whole: (figures, of) =>
    of === "population"
      ? { ...table(figures.population), label: "residents", says: "wholePopulation" }
      : { value: figures.persons, ...surveyedPersons },
});

export const MEASURES = {
  progress: {
    streams: [SURVEY],
    colours: GOOD,
    steps: COVERAGE_STEPS,
    numerator: "households",
    none: "none",
    part: (figures) => figures.households,
    whole: (figures) => ({ ...table(figures.houses), label: "houses", says: "wholeHouses" }),
  },
  one_dose: doses("one_dose"),
  two_doses: doses("two_doses"),
  three_doses: doses("three_doses"),
  wanting: need("wanting", [0.05, 0.1, 0.2, 0.4]),
  wanting_608: need("wanting_608", [0.02, 0.05, 0.1, 0.2]),
  home_visit: need("home_visit", [0.01, 0.02, 0.05, 0.1]),
  overdue: {
    streams: ["facility-updated", "further-facility-updated"],
    colours: TO_DO,
    steps: OVERDUE_STEPS,
    numerator: "overduePlaces",
    none: "noPlaces",
    part: (figures) => figures.places?.overdue,
    whole: (figures) => ({ value: figures.places?.total, label: "allPlaces", says: "wholePlaces" }),
  },
};

/**
 * One area's value of a measure.
 *
 * state: `value`; `none`, nothing came from there yet; `unknown`, there is a part but no known whole; `suppressed`, too few
 * persons to show; `loading`.
 */
export function valueOf(measure, figures, of) {
  if (figures === undefined) return { state: "loading" };
  const numerator = measure.part(figures);
  const whole = measure.whole(figures, of);
  if (figures.suppressed && measure.streams.includes(SURVEY)) return { state: "suppressed", whole };
  if (numerator === undefined) return { state: "loading", whole };
  const nothingYet = measure.streams.includes(SURVEY) ? figures.submissions === 0 : whole.value === 0;
  if (nothingYet) return { state: "none", numerator, whole };
  if (!whole.value) return { state: "unknown", numerator, whole };
  return { state: "value", numerator, whole, ratio: numerator / whole.value };
}

/** Which of the five classes a ratio belongs to, 0 to 4. */
export function classOf(measure, ratio) {
  return measure.steps.filter((step) => ratio >= step).length;
}

function table(known) {
  return known ?? { value: null };
}
