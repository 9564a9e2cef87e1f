//! How statements travel to PostgreSQL: prepared once a connection, and all of a transaction in one round trip.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use deadpool_postgres::{ClientWrapper, Object};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use super::postgres::judge;
use super::statement::{Sql, Step, Write, WriteError, Written};
use super::value::{Row, Value};

/// A statement and its parameters, each an array.
pub(super) type Arrays = (&'static Sql, Vec<Vec<Value>>);

type Asked<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Sends `begin`, every step and `commit` in one go: a refused or failed step makes the server turn the commit into
/// a rollback, so nobody has to wait for an answer in between.
pub(super) async fn transact(client: &Object, write: &Write) -> Result<Written, WriteError> {
    let mut prepared = Vec::with_capacity(write.steps.len());
    for step in &write.steps {
        prepared.push(prepare(client, step).await.map_err(judge)?);
    }
    let lock = write.serialised_by.map(|number| format!("select pg_advisory_xact_lock({number})"));

    let mut sent: Vec<Asked<'_, Result<Vec<Row>, tokio_postgres::Error>>> = Vec::with_capacity(prepared.len() + 3);
    sent.push(Box::pin(command(client, "begin")));
    if let Some(lock) = &lock {
        sent.push(Box::pin(command(client, lock)));
    }
    for (statement, params) in &prepared {
        sent.push(Box::pin(query(client, statement, params)));
    }
    sent.push(Box::pin(command(client, "commit")));

    let mut rows = join_in_order(sent).await.into_iter().collect::<Result<Vec<_>, _>>().map_err(judge)?;
    rows.pop();
    rows.drain(..rows.len() - prepared.len());
    Ok(Written(rows))
}

pub(super) async fn run_arrays(client: &Object, steps: &[Arrays]) -> Result<Vec<Row>, tokio_postgres::Error> {
    let mut prepared = Vec::with_capacity(steps.len());
    for (sql, arrays) in steps {
        let params: Vec<&(dyn ToSql + Sync)> = arrays.iter().map(|array| array as _).collect();
        prepared.push((client.prepare_cached(sql.postgres()).await?, params));
    }
    if let [(statement, params)] = prepared.as_slice() {
        return query(client, statement, params).await;
    }
    let asked = prepared.iter().map(|(statement, params)| Box::pin(query(client, statement, params)) as Asked<'_, _>);
    let mut sent: Vec<Asked<'_, _>> = vec![Box::pin(command(client, "begin"))];
    sent.extend(asked);
    sent.push(Box::pin(command(client, "commit")));
    let mut rows = join_in_order(sent).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    rows.pop();
    Ok(rows.pop().unwrap_or_default())
}

async fn command(client: &Client, text: &str) -> Result<Vec<Row>, tokio_postgres::Error> {
    client.batch_execute(text).await.map(|()| Vec::new())
}

/// Polls all in order each time, so that the first poll puts all requests on the wire in order and together.
async fn join_in_order<T>(mut futures: Vec<Asked<'_, T>>) -> Vec<T> {
    let mut done: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut waiting = false;
        for (future, slot) in futures.iter_mut().zip(&mut done) {
            if slot.is_some() {
                continue;
            }
            match future.as_mut().poll(context) {
                Poll::Ready(value) => *slot = Some(value),
                Poll::Pending => waiting = true,
            }
        }
        if waiting { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    done.into_iter().flatten().collect()
}

pub(super) fn borrowed(params: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|value| value as _).collect()
}

pub(super) async fn prepare<'a>(
    client: &ClientWrapper,
    step: &'a Step,
) -> Result<(Statement, Vec<&'a (dyn ToSql + Sync)>), tokio_postgres::Error> {
    let mut params = borrowed(&step.params);
    let Some(refusal) = step.guard else {
        return Ok((client.prepare_cached(step.sql.postgres()).await?, params));
    };
    let statement = client.prepare_cached(step.sql.guarded(step.params.len())).await?;
    params.push(refusal.name());
    Ok((statement, params))
}

pub(super) async fn query(
    client: &Client,
    statement: &Statement,
    params: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let rows = client.query(statement, params).await?;
    rows.iter().map(read_row).collect()
}

fn read_row(row: &tokio_postgres::Row) -> Result<Row, tokio_postgres::Error> {
    let columns = (0..row.len()).map(|index| Value::from_postgres(row, index)).collect::<Result<_, _>>()?;
    Ok(Row::new(columns))
}
