-- A template.
select '{{ ds }}', '{{ IN_FILE }}'
