// Times and problems in words. Nothing here knows of the page.

export function durationText(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return whole % 60 ? `${minutes} min ${whole % 60} s` : `${minutes} min`;
  if (minutes < 48 * 60) return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes / 60} h`;
  return `${Math.round(minutes / 1440)} days`;
}

// A moment in the time zone that the person has chosen in Airflow; of today, the time alone.
export function momentText(moment, now) {
  const timeZone = chosenTimeZone();
  const day = (date) => new Intl.DateTimeFormat("en-CA", { dateStyle: "short", timeZone }).format(date);
  const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone }).format(moment);
  return day(moment) === day(now) ? time : `${day(moment)} ${time}`;
}

function chosenTimeZone() {
  try {
    const zone = JSON.parse(localStorage.getItem("timezone"));
    new Intl.DateTimeFormat("en", { timeZone: zone ?? undefined });
    return zone ?? undefined;
  } catch {
    return undefined;
  }
}

export function countText(count, one, many) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

// What went wrong between the page and Airflow, and what to do: `title`, `advice`, and whether logging in would help.
export function problemWords(problem, dagId) {
  const said = problem.detail ? ` Airflow says: ${problem.detail}` : "";
  switch (problem.status) {
    case 0:
      return {
        title: "Airflow cannot be reached",
        advice: "The connection was lost, or something in between answered instead. This page tries again by itself.",
      };
    case 401:
      return { title: "You are logged out", advice: "Your session has ended. Log in again to go on.", login: true };
    case 403:
      return {
        title: dagId ? `You may not see the videos of ${dagId}` : "You may not see videos here",
        advice: "It takes the permission to read DAGs, DAG runs, task instances and XComs. Ask whoever manages this Airflow.",
      };
    case 404:
      return {
        title: dagId ? `There is no DAG ${dagId} here, or no such run of it` : "Airflow does not know this address",
        advice: `It may have been renamed or deleted.${said}`,
      };
    default:
      return {
        title: problem.status >= 500 ? "Airflow's API has a problem" : "Airflow's API did not accept the question",
        advice: `It answered with HTTP ${problem.status}.${said} This page tries again by itself.`,
      };
  }
}
