"""The way of the demo, from step 2 to step 6."""

from cli.tour import Tour, history, people, result
from cli.tour.datasets import bring
from cli.tour.sources import sources
from cli.tour.training import follow, request


def go(tour: Tour) -> None:
    tour.stage.step(2, "Persons, an organization, a project")
    project = people.arrive(tour)
    tour.stage.step(3, "Labelled images")
    # Each training is requested as soon as its images are there, and told of when its turn comes.
    jobs = [request(tour, project, bring(tour, source)) for source in sources(tour)]
    tour.stage.step(4, "Trainings, followed live")
    for job in jobs:
        tour.stage.done(f"{job.name} requested: {job.framework} {job.model} on a snapshot of {job.dataset.source.name}")
    follow(tour, jobs)
    tour.stage.step(5, "The result")
    for job in jobs:
        result.show(tour, job)
    tour.stage.step(6, "The history")
    history.show(tour)
