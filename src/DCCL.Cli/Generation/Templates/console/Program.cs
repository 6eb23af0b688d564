// dotnet run -- USER [NUMBER] [--had ITEM ...] [--refused ITEM ...]      prints the best items for a user, who has had or refused some since
using System.Globalization;
using DCCL.ML.Device;
using DCCL.ML.Recommendation;
using {{Name}} = {{Name}}Code.{{Name}};

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
string[] own = [.. args.TakeWhile(word => !word.StartsWith("--", StringComparison.Ordinal))];
if (own.Length is 0 or > 2)
{
    Console.Error.WriteLine("error: name a user, and perhaps how many items: dotnet run -- USER [NUMBER] [--had ITEM ...] [--refused ITEM ...]");
    return 2;
}

if (args.Length > own.Length)
{
    string[] had = After("--had");
    float before = Predict(had);
    PersonalizationResult? result = await {{Name}}.Personalize(own[0], had, After("--refused"));
    Console.Error.WriteLine(result is null
        ? "No patch was tried."
        : $"{result.Status}: {result.NumberOfEvents} events; the score of the first item was {before:F3} and is {Predict(had):F3}.");
}

int count = own.Length == 2 && int.TryParse(own[1], out int number) ? number : 10;
foreach (RecommendedItem item in {{Name}}.PredictTopN(own[0], count))
{
    Console.WriteLine($"{item.ItemId} {item.Score:F3} {item.Probability:F3} {item.Reason}");
}

return 0;

float Predict(string[] items) => {{Name}}.Predict(new {{Name}}.ModelInput { UserId = own[0], ItemId = items.FirstOrDefault("") }).Score;

string[] After(string option) =>
    [.. args.SkipWhile(word => word != option).Skip(1).TakeWhile(word => !word.StartsWith("--", StringComparison.Ordinal))];
