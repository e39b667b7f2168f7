// Due dates: people choose a day, the API stores a time. A day is due at its end, in local time.

const DAY = 24 * 60 * 60 * 1000;
const format = new Intl.DateTimeFormat("en", { weekday: "short", day: "numeric", month: "short" });
const formatWithYear = new Intl.DateTimeFormat("en", {
  day: "numeric",
  month: "short",
  year: "numeric",
});

/** Return the end of a day as an RFC 3339 time. */
export function endOfDay(daysFromNow: number): string {
  const now = new Date();
  return new Date(
    now.getFullYear(),
    now.getMonth(),
    now.getDate() + daysFromNow,
    23,
    59,
    59,
  ).toISOString();
}

/** Return the time of a date field; null if the field is empty. */
export function fromDateField(value: string): string | null {
  const [year, month, day] = value.split("-").map(Number);
  if (!year || !month || !day) return null;
  return new Date(year, month - 1, day, 23, 59, 59).toISOString();
}

/** Return the value of a date field. */
export function toDateField(time: string | null): string {
  if (!time) return "";
  const date = new Date(time);
  const [month, day] = [date.getMonth() + 1, date.getDate()].map((part) =>
    String(part).padStart(2, "0"),
  );
  return `${String(date.getFullYear()).padStart(4, "0")}-${month}-${day}`;
}

/** Write a day in words. */
export function describeDay(time: string): string {
  const date = new Date(time);
  const now = new Date();
  const midnight = (day: Date): number => new Date(day).setHours(0, 0, 0, 0);
  const days = Math.round((midnight(date) - midnight(now)) / DAY);
  const near: Record<number, string> = { 0: "today", 1: "tomorrow", [-1]: "yesterday" };
  const isThisYear = date.getFullYear() === now.getFullYear();
  return near[days] ?? (isThisYear ? format : formatWithYear).format(date);
}

/** Describe when a todo is due, and whether the todo is late. */
export function describeDue(time: string, isDone: boolean): { text: string; isLate: boolean } {
  const isPast = new Date(time) < new Date();
  const isLate = isPast && !isDone;
  const start = isLate ? "Overdue:" : isPast ? "Was due" : "Due";
  return { text: `${start} ${describeDay(time)}`, isLate };
}

/** Write a duration in minutes and seconds. */
export function describeSeconds(total: number): string {
  const seconds = Math.max(0, Math.floor(total));
  const minutes = Math.floor(seconds / 60);
  return minutes > 0 ? `${minutes} min ${String(seconds % 60).padStart(2, "0")} s` : `${seconds} s`;
}
