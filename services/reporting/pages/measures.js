// What can be shown: each measure is a part of a named whole, with five classes of it.
//
// The classes grow steadily darker, so that they can be told apart without seeing colours; blue-green where more is
// better, yellow to dark red where more means more to do. What has no value is never coloured as if it were zero.

const GOOD = ["#cdf2e0", "#85d7c4", "#32afb5", "#007e9f", "#20487a"];
const TO_DO = ["#f9eac2", "#f8c379", "#ed914c", "#cd5630", "#8c2c30"];

const SURVEY = "survey-submitted";
const PLACES = ["facility-updated", "further-facility-updated"];

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
const DOSES = ["dose_1", "dose_2", "dose_3"];
const doses = (least) => ({
  streams: [SURVEY],
  colours: GOOD,
  steps: COVERAGE_STEPS,
  numerator: "persons",
  none: "none",
  choosesWhole: true,
  part: (figures) => DOSES.slice(least - 1).reduce((sum, name) => sum + figures[name], 0),
  whole: (figures, of) =>
    of === "population"
      ? { ...table(figures.population), label: "residents", says: "wholePopulation", above: "abovePopulation" }
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
    whole: (figures) => ({ ...table(figures.houses), label: "houses", says: "wholeHouses", above: "aboveHouses" }),
  },
  unvaccinated: need("dose_0", [0.05, 0.1, 0.2, 0.4]),
  wanting: need("wanting", [0.05, 0.1, 0.2, 0.4]),
  wanting_608: need("wanting_608", [0.02, 0.05, 0.1, 0.2]),
  home_visit: need("home_visit", [0.01, 0.02, 0.05, 0.1]),
  reached: {
    streams: [SURVEY],
    colours: GOOD,
    steps: COVERAGE_STEPS,
    numerator: "dosesSince",
    none: "nobodyToReach",
    part: (figures) => figures.vaccinated,
    whole: (figures) => ({ value: figures.vaccinated + figures.wanting, label: "toReach", says: "wholeReached" }),
  },
  one_dose: doses(1),
  two_doses: doses(2),
  three_doses: doses(3),
  places_open: {
    streams: PLACES,
    colours: GOOD,
    steps: COVERAGE_STEPS,
    numerator: "openPlaces",
    none: "noPlaces",
    part: (figures) => figures.places_open,
    whole: (figures) => ({ value: figures.places, label: "allPlaces", says: "wholeOpenPlaces" }),
  },
  overdue: {
    streams: PLACES,
    colours: TO_DO,
    steps: OVERDUE_STEPS,
    numerator: "overduePlaces",
    none: "noPlaces",
    part: (figures) => figures.places_overdue,
    whole: (figures) => ({ value: figures.places, label: "allPlaces", says: "wholePlaces" }),
  },
  help_waiting: {
    streams: ["help-updated"],
    colours: TO_DO,
    steps: OVERDUE_STEPS,
    numerator: "waitingRequests",
    none: "noHelp",
    part: (figures) => figures.help_waiting,
    whole: (figures) => ({ value: figures.help, label: "unfinishedRequests", says: "wholeHelp" }),
  },
  help_overdue: {
    streams: ["help-updated"],
    colours: TO_DO,
    steps: OVERDUE_STEPS,
    numerator: "overdueRequests",
    none: "noHelp",
    part: (figures) => figures.help_overdue,
    whole: (figures) => ({ value: figures.help, label: "unfinishedRequests", says: "wholeHelpOverdue" }),
  },
  help_done: {
    streams: ["help-updated"],
    colours: GOOD,
    steps: COVERAGE_STEPS,
    numerator: "doneRequests",
    none: "noHelpAsked",
    part: (figures) => figures.help_done,
    whole: (figures) => ({ value: figures.help_asked, label: "askedRequests", says: "wholeHelpAsked" }),
  },
};

/**
 * One area's value of a measure.
 *
 * state: `value`; `none`, nothing came from there yet; `unknown`, there is a part but no known whole; `suppressed`, too few
 * persons to show; `untold`, of a past day this is not known; `loading`.
 */
export function valueOf(measure, figures, of) {
  const nothing = { says: null, label: measure.whole({}, of).label };
  if (figures === undefined) return { state: "loading", whole: nothing };
  const ofSurvey = measure.streams.includes(SURVEY);
  if (figures.past && !ofSurvey) return { state: "untold", whole: nothing };
  const whole = measure.whole(figures, of);
  if (ofSurvey ? figures.suppressed : measure.part(figures) === null) return { state: "suppressed", whole };
  const numerator = measure.part(figures);
  const tabled = "source" in whole || whole.value === null;
  if (ofSurvey ? figures.submissions === 0 || (!tabled && whole.value === 0) : whole.value === 0) return { state: "none", numerator, whole };
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
