// Runs before the first paint, so that a chosen theme does not flash the other one. No module: those run later.
try {
  const theme = JSON.parse(localStorage.getItem("weir.theme"));
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is forbidden: the system's theme it is.
}
