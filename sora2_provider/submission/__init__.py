"""One paid create for each task instance: the record, the decision, the journal that writes, the submitter that pays."""
