"""The way of the demo, from step 2 to step 6."""

from cli.tour import Tour, history, people, result
from cli.tour.datasets import bring
from cli.tour.sources import sources
from cli.tour.training import follow, request


def go(tour: Tour) -> None:
    tour.stage.step(2, "Persons, an organization, a project")
    project = people.arrive(tour)
    tour.stage.step(3, "Labelled images")
    brought = [bring(tour, source) for source in sources(tour)]
    tour.stage.step(4, "Trainings, followed live")
    jobs = [request(tour, project, dataset) for dataset in brought]
    follow(tour, jobs)
    tour.stage.step(5, "The result")
    for job in jobs:
        result.show(tour, job)
    tour.stage.step(6, "The history")
    history.show(tour)
