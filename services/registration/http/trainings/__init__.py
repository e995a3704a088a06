"""The routes of training, one module per subject."""

from services.registration.http.trainings import attendance, completions, courses, materials, sessions, sign_ups

ROUTERS = (
    courses.router,
    materials.router,
    sessions.router,
    sign_ups.router,
    attendance.router,
    completions.router,
)
