-- Keeps queries written for the Python package working. A table of that name is the package's own and stays as it is.

do $$
begin
  if to_regclass(quote_ident(current_schema()) || '.logging_details') is null then
    create view logging_details as
      select id, service as service_name, message as data, ts as "timestamp", level::text as status, information
      from records;
    comment on view logging_details is 'Loghive: records under the column names of the Python package.';
  end if;
end
$$;
