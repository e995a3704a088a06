"""The routes of problems, one module per subject."""

from services.registration.http.problems import attachments, counts, known, similar, steps, tickets

# Before the tickets come the paths that stand where a ticket's id would.
ROUTERS = (
    similar.router,
    counts.router,
    tickets.router,
    steps.router,
    attachments.router,
    known.router,
)
